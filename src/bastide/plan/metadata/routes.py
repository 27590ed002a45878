"""The paths of the task endpoint, read as what they ask for. Pure."""

import re
from enum import Enum

import msgspec

from bastide.model.network import METADATA_IP


class Wanted(Enum):
    """What a path asks for."""

    CONTAINER = "container"
    TASK = "task"
    TASK_WITH_TAGS = "taskWithTags"
    STATS = "stats"
    TASK_STATS = "task/stats"
    CREDENTIALS = "credentials"
    PROTECTION = "task-protection"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A path that means something; whether the id is the caller's own is for others to say."""

    wanted: Wanted
    id: str
    version: int = 4


_BY_SUFFIX = {
    "": Wanted.CONTAINER,
    "/task": Wanted.TASK,
    "/taskWithTags": Wanted.TASK_WITH_TAGS,
    "/stats": Wanted.STATS,
    "/task/stats": Wanted.TASK_STATS,
}
_METADATA = re.compile(r"/v([34])/([A-Za-z0-9-]{1,64})(/task/stats|/taskWithTags|/task|/stats|)/?")
_CREDENTIALS = re.compile(
    r"/v2/credentials/([A-Za-z0-9-]{1,64})/?|/v1/credentials(?:\?id=([A-Za-z0-9-]{0,64}))?"
)
_PROTECTION = re.compile(r"/api/([A-Za-z0-9-]{1,64})/task-protection/v1/state/?")


def parse_route(target: str) -> Route | None:
    """None for a path that means nothing here."""
    path = target.partition("?")[0]
    if found := _METADATA.fullmatch(path):
        return Route(wanted=_BY_SUFFIX[found[3]], id=found[2], version=int(found[1]))
    if found := _CREDENTIALS.fullmatch(target):
        return Route(wanted=Wanted.CREDENTIALS, id=found[1] or found[2] or "")
    if found := _PROTECTION.fullmatch(path):
        return Route(wanted=Wanted.PROTECTION, id=found[1])
    return None


def plan_addresses(container_id: str, credentials_id: str) -> dict[str, str]:
    """The variables that tell a container where to ask; without a role there is nothing to ask for."""
    at = f"http://{METADATA_IP}"
    own = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"/v2/credentials/{credentials_id}"}
    return {
        **(own if credentials_id else {}),
        "ECS_CONTAINER_METADATA_URI": f"{at}/v3/{container_id}",
        "ECS_CONTAINER_METADATA_URI_V4": f"{at}/v4/{container_id}",
        "ECS_AGENT_URI": f"{at}/api/{container_id}",
    }
