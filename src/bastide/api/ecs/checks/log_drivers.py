"""`logConfiguration` and `firelensConfiguration`: options a driver needs, and what Fargate has of them."""

import re
from collections.abc import Sequence

from bastide.api.ecs.checks import Document, refuse
from bastide.model.container.log_routing import BUFFER_LINES, DRIVER, uses_router

FARGATE_DRIVERS = ("awslogs", "splunk", DRIVER)
AWSLOGS_OPTIONS = frozenset(
    {
        "awslogs-group",
        "awslogs-region",
        "awslogs-stream-prefix",
        "awslogs-create-group",
        "awslogs-datetime-format",
        "awslogs-multiline-pattern",
        "awslogs-endpoint",
        "mode",
        "max-buffer-size",
    }
)
CONFIG_FILE = frozenset({"config-file-type", "config-file-value"})
ROUTER_OPTIONS = CONFIG_FILE | {"enable-ecs-log-metadata"}
BUFFER_LINES_MAX = 536_870_912  # ECS developer guide, "Configuring Amazon ECS logs for high throughput"
MODES = ("blocking", "non-blocking")
_REQUIRED = {"awslogs": ("awslogs-group", "awslogs-region"), "splunk": ("splunk-token", "splunk-url")}
_REQUIRED_ON_FARGATE = {"awslogs": ("awslogs-stream-prefix",)}
_COUNT = re.compile(r"[0-9]{1,10}")
_SIZE = re.compile(r"[0-9]{1,9}[kmg]?b?", re.IGNORECASE)


def check_log_driver(log: Document, *, fargate: bool, execution_role: bool) -> None:
    """One container's `logConfiguration`."""
    driver, options = log["logDriver"], log.get("options", {})
    if fargate and driver not in FARGATE_DRIVERS:
        refuse(f"{driver} is not a valid log driver. Must be one of [{','.join(FARGATE_DRIVERS)}]")
    given = options.keys() | {secret["name"] for secret in log.get("secretOptions", ())}
    wanted = _REQUIRED.get(driver, ()) + (_REQUIRED_ON_FARGATE.get(driver, ()) if fargate else ())
    missing = [option for option in wanted if option not in given]
    if missing:
        refuse(f"Log driver {driver} requires options: {', '.join(missing)}")
    if driver == DRIVER:
        _check_awsfirelens(options)
    if driver == "awslogs":
        _check_awslogs(options, fargate=fargate)
        if fargate and not execution_role:
            refuse(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs."
            )


def _check_awslogs(options: Document, *, fargate: bool) -> None:
    if fargate and (extra := sorted(options.keys() - AWSLOGS_OPTIONS)):
        refuse(f"Log driver awslogs disallows options: {', '.join(extra)}")
    if options.get("awslogs-create-group", "true") not in ("true", "false"):
        refuse("The value of log option awslogs-create-group must be true or false.")
    if "awslogs-datetime-format" in options and "awslogs-multiline-pattern" in options:
        refuse("Log options awslogs-datetime-format and awslogs-multiline-pattern exclude each other.")
    _check_delivery(options)


def _check_awsfirelens(options: Document) -> None:
    """What the driver itself keeps; all else is for the router, which alone knows its plugins."""
    limit = options.get(BUFFER_LINES, "0")
    if not _COUNT.fullmatch(limit) or int(limit) >= BUFFER_LINES_MAX:
        refuse(
            f"The value of log option {BUFFER_LINES} must be greater than or equal to 0 and less than "
            f"{BUFFER_LINES_MAX}."
        )
    _check_delivery(options)


def _check_delivery(options: Document) -> None:
    if options.get("mode", MODES[0]) not in MODES:
        refuse(f"The value of log option mode must be one of [{','.join(MODES)}].")
    if not _SIZE.fullmatch(options.get("max-buffer-size", "1m")):
        refuse("The value of log option max-buffer-size must be a size such as 1m.")


def check_firelens(containers: Sequence[Document], *, fargate: bool) -> None:
    """awsfirelens and exactly one log router go together."""
    routers = [c["firelensConfiguration"] for c in containers if c.get("firelensConfiguration")]
    if len(routers) > 1:
        refuse("A task definition can have only one container with a firelensConfiguration.")
    is_used = any(map(uses_router, containers))
    if is_used and not routers:
        refuse(
            "When awsfirelens log driver is specified in log configuration, a firelens configuration object "
            "must be configured in one of the containers."
        )
    if routers:
        _check_router(routers[0].get("options", {}), fargate=fargate)
    if routers and not is_used:
        refuse(
            "When a firelensConfiguration object is specified, at least one container has to be configured "
            "with the awsfirelens log driver."
        )


def _check_router(options: Document, *, fargate: bool) -> None:
    if extra := sorted(options.keys() - ROUTER_OPTIONS):
        refuse(f"The firelensConfiguration disallows options: {', '.join(extra)}")
    kind = options.get("config-file-type", "file")
    if kind not in ("file", "s3"):
        refuse("The config-file-type of firelensConfiguration must be file or s3.")
    if fargate and kind != "file":
        refuse("Tasks using the Fargate launch type only support the firelens config-file-type 'file'.")
    given = options.keys() & CONFIG_FILE
    if len(given) == 1:
        (one,) = given
        (other,) = CONFIG_FILE - given
        refuse(f"option {one} is specified but {other} is not specified")
