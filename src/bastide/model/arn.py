"""ARNs and ids: the one place where each is built and taken apart.

Random parts come in as arguments (`token`), so that decisions stay pure; `api` and `control` draw them.
Formats: ECS developer guide, "Account settings" (long ARNs), and the service models.
"""

import re
from typing import NamedTuple, NewType

Arn = NewType("Arn", str)
TaskId = NewType("TaskId", str)
Mac = NewType("Mac", str)

PARTITION = "aws"
TASK_ID = re.compile(r"[0-9a-f]{32}")
ECS_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


class Parsed(NamedTuple):
    """The fields of an ARN; `resource` keeps its inner slashes and colons."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def parse_arn(text: str) -> Parsed | None:
    """The ARN's fields, or None when the text is no ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        return None
    return Parsed(*parts[1:])


def render_arn(service: str, region: str, account: str, resource: str) -> Arn:
    """Put an ARN together."""
    return Arn(f"arn:{PARTITION}:{service}:{region}:{account}:{resource}")


def scope_of(account: str, region: str) -> str:
    """Where a record belongs: resources of two scopes never see each other."""
    return f"{account}/{region}"


def cluster_arn(scope: str, name: str) -> Arn:
    """`cluster/NAME`."""
    return _ecs(scope, f"cluster/{name}")


def task_arn(scope: str, cluster: str, task_id: str) -> Arn:
    """`task/CLUSTER/<32 hex>`."""
    return _ecs(scope, f"task/{cluster}/{task_id}")


def container_arn(scope: str, cluster: str, task_id: str, token: str) -> Arn:
    """`container/CLUSTER/<task id>/<uuid>`."""
    return _ecs(scope, f"container/{cluster}/{task_id}/{token}")


def task_definition_arn(scope: str, family: str, revision: int) -> Arn:
    """`task-definition/FAMILY:REV`."""
    return _ecs(scope, f"task-definition/{family}:{revision}")


def capacity_provider_arn(scope: str, name: str) -> Arn:
    """`capacity-provider/NAME`."""
    return _ecs(scope, f"capacity-provider/{name}")


def log_group_arn(scope: str, name: str) -> Arn:
    """`log-group:NAME`, without the trailing `:*` that some answers add."""
    account, region = scope.split("/")
    return render_arn("logs", region, account, f"log-group:{name}")


def last_of(arn: str) -> str:
    """The name or id at the end of a slashed ARN."""
    return arn.rsplit("/", 1)[-1]


def _ecs(scope: str, resource: str) -> Arn:
    account, region = scope.split("/")
    return render_arn("ecs", region, account, resource)
