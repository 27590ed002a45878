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


def parse_route(target: str) -> Route | None:
    """None for a path that means nothing here."""
    path = target.partition("?")[0]
    if found := _METADATA.fullmatch(path):
        return Route(wanted=_BY_SUFFIX[found[3]], id=found[2], version=int(found[1]))
    return None


def plan_addresses(container_id: str) -> dict[str, str]:
    """The variables that tell a container where to ask."""
    at = f"http://{METADATA_IP}"
    return {
        "ECS_CONTAINER_METADATA_URI": f"{at}/v3/{container_id}",
        "ECS_CONTAINER_METADATA_URI_V4": f"{at}/v4/{container_id}",
        "ECS_AGENT_URI": f"{at}/api/{container_id}",
    }
