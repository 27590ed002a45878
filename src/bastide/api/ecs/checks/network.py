"""RunTask's `networkConfiguration`, held against the VPCs of the store."""

from bastide.api.ec2.making import default_group, ensure_default_vpc
from bastide.api.ecs.checks import Document
from bastide.api.operation import Context
from bastide.model.faults import Invalid
from bastide.model.network import kinds
from bastide.store.records import Record
from bastide.store.txn import Txn

SUBNETS_MAX = 16
GROUPS_MAX = 5


def checked_network(txn: Txn, ctx: Context, params: Document, definition: Document) -> Document:
    """Subnets, security groups (the VPC's default one unless given) and assignPublicIp of the tasks."""
    asked = (params.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if definition.get("networkMode") != "awsvpc":
        if asked is None:
            return {}
        raise _invalid(
            "Network Configuration is not valid for the given networkMode of this task definition."
        )
    if asked is None:
        raise _invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    subnet_ids = list(dict.fromkeys(asked["subnets"]))
    group_ids = list(dict.fromkeys(asked.get("securityGroups", ())))
    if not subnet_ids:
        raise _invalid("subnets can not be empty.")
    if len(asked["subnets"]) > SUBNETS_MAX:
        raise _invalid(f"subnets can have at most {SUBNETS_MAX} items.")
    if len(asked.get("securityGroups", ())) > GROUPS_MAX:
        raise _invalid(f"securityGroups can have at most {GROUPS_MAX} items.")
    ensure_default_vpc(txn, ctx)
    vpc_id = _vpc_of(txn, ctx, subnet_ids)
    return {
        "subnets": subnet_ids,
        "securityGroups": _checked_groups(txn, ctx, group_ids, vpc_id) or [default_group(txn, vpc_id).key],
        "assignPublicIp": asked.get("assignPublicIp", "DISABLED"),
    }


def _vpc_of(txn: Txn, ctx: Context, subnet_ids: list[str]) -> str:
    vpcs: set[str] = set()
    for subnet_id in subnet_ids:
        subnet = _found(txn, ctx, kinds.SUBNET, subnet_id)
        if subnet is None:
            raise _invalid(
                f"Error retrieving subnet information for [{subnet_id}]: "
                f"The subnet ID '{subnet_id}' does not exist (ErrorCode: InvalidSubnetID.NotFound)"
            )
        vpcs.add(subnet.parent)
    if len(vpcs) > 1:
        raise _invalid("The subnets must be in the same VPC.")
    return vpcs.pop()


def _checked_groups(txn: Txn, ctx: Context, group_ids: list[str], vpc_id: str) -> list[str]:
    for group_id in group_ids:
        group = _found(txn, ctx, kinds.SECURITY_GROUP, group_id)
        if group is None:
            raise _invalid(
                f"Error retrieving security group information for [{group_id}]: "
                f"The security group '{group_id}' does not exist (ErrorCode: InvalidGroup.NotFound)"
            )
        if group.parent != vpc_id:
            raise _invalid("Security groups and subnets must be in the same VPC.")
    return group_ids


def _found(txn: Txn, ctx: Context, kind: str, key: str) -> Record | None:
    record = txn.get(kind, key)
    return record if record is not None and record.scope == ctx.scope else None


def _invalid(why: str) -> Invalid:
    return Invalid("parameter", why=why)
