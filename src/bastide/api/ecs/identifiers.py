"""ECS identifiers: each may be given as a short name or as a full ARN.

An ARN of another account or region is refused in ECS's words, so that nobody mistakes it for a thing
that is missing here.
"""

from bastide.api.operation import Context
from bastide.model.arn import ECS_NAME, parse_arn
from bastide.model.faults import Invalid

DEFAULT_CLUSTER = "default"


def parse_identifier(ctx: Context, text: str, resource: str) -> list[str]:
    """The parts behind the resource type, in an ARN or a short form: `task/C/ID` gives `["C", "ID"]`."""
    if not text.startswith("arn:"):
        return text.split("/")
    parsed = parse_arn(text)
    if parsed is None or parsed.service != "ecs":
        raise Invalid("parameter", text, why=f"Invalid identifier: {text} is not an Amazon ECS ARN.")
    if parsed.region != ctx.caller.region:
        raise _foreign(parsed.region, f"region is {ctx.caller.region}")
    if parsed.account != ctx.caller.account:
        raise _foreign(parsed.account, f"accountId is {ctx.caller.account}")
    kind, *parts = parsed.resource.split("/")
    if kind != resource or not parts:
        raise Invalid("parameter", text, why=f"Unsupported resource type: {kind}")
    return parts


def parse_task_name(ctx: Context, text: str, cluster: str) -> tuple[str, str]:
    """The task's cluster and id; where the text names none, of the cluster that is given."""
    *named, task_id = parse_identifier(ctx, text, "task")  # `ID`, `CLUSTER/ID`, `task/CLUSTER/ID`
    return (named[-1] if named else cluster), task_id


def parse_cluster_name(ctx: Context, text: str | None) -> str:
    """The cluster's name out of a name, an ARN or nothing (which means the default cluster)."""
    parts = parse_identifier(ctx, text, "cluster") if text else [DEFAULT_CLUSTER]
    return checked_name("Cluster", "/".join(parts))


def checked_name(member: str, name: str) -> str:
    """The name; raises Invalid when it is none."""
    if not ECS_NAME.fullmatch(name):
        raise Invalid(
            "parameter", name, why=f"{member} must match ^[a-zA-Z0-9\\-_]{{1,255}}$, but was {name}"
        )
    return name


def _foreign(found: str, wanted: str) -> Invalid:
    return Invalid("parameter", found, why=f"Invalid identifier: Identifier is for {found}. Your {wanted}")
