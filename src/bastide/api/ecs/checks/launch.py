"""RunTask's compute: launch type or strategy, platform version, and the plain values beside them."""

import re
from collections.abc import Iterator, Sequence
from typing import NoReturn

from bastide.api.ecs.checks import Document
from bastide.api.ecs.checks.fargate import is_windows
from bastide.api.ecs.strategies import checked_strategy
from bastide.model.faults import Invalid, Unsupported
from bastide.model.task import SERVICE_GROUP
from bastide.model.task_size import LARGE_CPU_UNITS, parse_cpu

COUNT_MAX = 10
GROUP_MAX_CHARS = 255
LATEST = "LATEST"
LINUX_VERSION, OLDER_LINUX_VERSION, WINDOWS_VERSION = "1.4.0", "1.3.0", "1.0.0"
_STARTED_BY = re.compile(r"[A-Za-z0-9_/-]{0,128}")
_CLIENT_TOKEN = re.compile(r"[!-~]{1,64}")  # ASCII 33–126
_JSON_KEY_SECRET = re.compile(r"arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:[^:]+:.*")


def check_plain_values(params: Document) -> None:
    """Count, group, startedBy, clientToken, propagateTags, and what Fargate has no use for."""
    if not 1 <= params.get("count", 1) <= COUNT_MAX:
        raise _invalid(f"Count should be between 1 and {COUNT_MAX}.")
    group = params.get("group", "")
    if len(group) > GROUP_MAX_CHARS:
        raise _invalid(f"group must be at most {GROUP_MAX_CHARS} characters long.")
    if group.startswith(SERVICE_GROUP):
        raise _invalid("Invalid namespace for group.")
    if not _STARTED_BY.fullmatch(params.get("startedBy", "")):
        raise _invalid(
            "startedBy can have up to 128 letters, digits, hyphens, underscores and forward slashes."
        )
    token = params.get("clientToken")
    if token is not None and not _CLIENT_TOKEN.fullmatch(token):
        raise _invalid("clientToken can have up to 64 ASCII characters in the range of 33-126.")
    if params.get("propagateTags") == "SERVICE":
        raise _invalid("propagateTags cannot be SERVICE when running a task.")


def chosen_strategy(params: Document, cluster: Document) -> list[Document]:
    """The capacity provider strategy that places the tasks; empty for launch type FARGATE.

    Raises Invalid for a launch type that has nowhere to run here.
    """
    launch_type, strategy = params.get("launchType"), params.get("capacityProviderStrategy")
    if launch_type and strategy:
        raise _invalid("Specify either Launch Type or Capacity Provider Strategy, but not both.")
    if strategy:
        return checked_strategy(strategy, cluster.get("capacityProviders", []))
    default: list[Document] = cluster.get("defaultCapacityProviderStrategy", [])
    if launch_type is None and default:
        return default
    if launch_type == "FARGATE":
        return []
    _refuse_other_launch(params, launch_type or "EC2")


def _refuse_other_launch(params: Document, launch_type: str) -> NoReturn:
    network = (params.get("networkConfiguration") or {}).get("awsvpcConfiguration", {})
    if network.get("assignPublicIp") == "ENABLED":
        raise _invalid("Assign public IP is not supported for this launch type.")
    if params.get("platformVersion"):
        raise _invalid(f"The platform version must be null when specifying an {launch_type} launch type.")
    raise _invalid("No Container Instances were found in your cluster.")


def check_fargate_placement(params: Document) -> None:
    """Fargate places tasks by itself."""
    if params.get("placementConstraints"):
        raise _invalid("Placement constraints are not supported with FARGATE launch type.")
    if params.get("placementStrategy"):
        raise _invalid("Placement strategies are not supported with FARGATE launch type.")


def providers_of(strategy: Sequence[Document], count: int) -> list[str | None]:
    """The capacity provider of each task: bases first, then by weight; None without a strategy."""
    if not strategy:
        return [None] * count
    shares = dict.fromkeys((item["capacityProvider"] for item in strategy), 0)
    chosen: list[str | None] = []
    for item in strategy:
        chosen += [item["capacityProvider"]] * min(item.get("base", 0), count - len(chosen))
    weighted = [item for item in strategy if item.get("weight", 0) > 0]
    while len(chosen) < count:
        # whoever is furthest below its share gets the next task
        item = min(weighted, key=lambda one: (shares[one["capacityProvider"]] + 1) / one["weight"])
        shares[item["capacityProvider"]] += 1
        chosen.append(item["capacityProvider"])
    return chosen


def resolved_platform(params: Document, definition: Document) -> str:
    """The platform version a task gets; raises Invalid for one that does not exist, Unsupported for one
    that lacks what the task definition asks for."""
    asked = params.get("platformVersion", LATEST)
    windows = is_windows(definition)
    known = (WINDOWS_VERSION,) if windows else (LINUX_VERSION, OLDER_LINUX_VERSION)
    version: str = known[0] if asked in (LATEST, "") else asked
    if version not in known:
        raise Invalid("platform version", asked, why="The specified platform does not exist.")
    if version == OLDER_LINUX_VERSION and (missing := next(_needs_newest(params, definition), None)):
        raise Unsupported(
            "platform version",
            version,
            why=f"The task definition is not compatible with platform version {version}: {missing} requires "
            f"platform version {LINUX_VERSION} or later.",
        )
    return version


def _needs_newest(params: Document, definition: Document) -> Iterator[str]:
    """What of the task came with platform version 1.4.0."""
    overrides = params.get("overrides", {})
    if definition.get("ephemeralStorage") or overrides.get("ephemeralStorage"):
        yield "ephemeralStorage"
    if (parse_cpu(overrides.get("cpu") or definition.get("cpu") or "") or 0) >= LARGE_CPU_UNITS:
        yield "this task size"
    if definition.get("pidMode"):
        yield "pidMode"
    if params.get("enableExecuteCommand"):
        yield "ECS Exec"
    for volume in definition.get("volumes", ()):
        if volume.get("efsVolumeConfiguration") or volume.get("configuredAtLaunch"):
            yield f"volume {volume['name']}"
    for container in definition["containerDefinitions"]:
        for member in ("systemControls", "environmentFiles"):
            if container.get(member):
                yield member
        if container.get("linuxParameters", {}).get("capabilities", {}).get("add"):
            yield "an added Linux capability"
        if any(_JSON_KEY_SECRET.fullmatch(secret["valueFrom"]) for secret in container.get("secrets", ())):
            yield "a secret's JSON key or version"


def _invalid(why: str) -> Invalid:
    return Invalid("parameter", why=why)
