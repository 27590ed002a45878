"""What IAM asks of the members of a policy when it is written, in the sentences it answers."""

import re
from collections.abc import Mapping, Sequence

from bastide.model.arn import parse_arn
from bastide.model.faults import Invalid
from bastide.permissions.conditions import parse_name
from bastide.permissions.principals import AWS, TYPES

_SID = re.compile(r"[0-9A-Za-z]*")
_VENDOR = re.compile(r"[A-Za-z0-9-]+")
_ACTION = re.compile(r"[A-Za-z0-9*?]+")
_ACCOUNT = re.compile(r"\d{12}")
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
PREFACED = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


def check_sids(sids: Sequence[str]) -> None:
    """Each once, of letters and digits."""
    given = [sid for sid in sids if sid]
    if not all(_SID.fullmatch(sid) for sid in given):
        raise Invalid(
            "policy document",
            why="Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
            "expression [0-9A-Za-z]*",
        )
    if len(set(given)) < len(given):
        raise Invalid("policy document", why="Statement IDs (SID) in a single policy must be unique.")


def check_actions(actions: Sequence[str]) -> None:
    """`vendor:Name`, or a star for everything."""
    for action in actions:
        if action == "*":
            continue
        vendor, colon, name = action.partition(":")
        if not colon:
            raise Invalid("policy document", why=PREFACED)
        if not _VENDOR.fullmatch(vendor):
            raise Invalid("policy document", why=f"Vendor {vendor} is not valid")
        if ":" in name:
            raise Invalid("policy document", why="Actions/Condition can contain only one colon.")
        if not _ACTION.fullmatch(name):
            raise Invalid("policy document", why="The policy failed legacy parsing")


def check_resources(resources: Sequence[str]) -> None:
    """An ARN, a shortened one, or a star."""
    for resource in resources:
        if resource == "*":
            continue
        scheme, _, rest = resource.partition(":")
        if scheme != "arn" or not rest:
            why = f'Resource {resource} must be in ARN format or "*".'
            raise Invalid("policy document", why=why)
        partition = rest.partition(":")[0]
        if partition not in _PARTITIONS and not set(partition) & set("*?$"):
            why = f'Partition "{partition}" is not valid for resource "{resource}".'
            raise Invalid("policy document", why=why)


def check_principals(by_type: Mapping[str, Sequence[str]]) -> None:
    """Accounts, ARNs and services by their kind; part of an ARN cannot be a wildcard."""
    for kind, names in by_type.items():
        for name in names:
            if kind not in TYPES or not name or (kind == AWS and not _is_aws_principal(name)):
                raise Invalid("policy document", why=f'Invalid principal in policy: "{kind}":"{name}"')


def _is_aws_principal(name: str) -> bool:
    if name == "*" or _ACCOUNT.fullmatch(name):
        return True
    arn = parse_arn(name)
    return arn is not None and arn.service in ("iam", "sts") and "*" not in name and bool(arn.account)


def check_conditions(conditions: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Operators that exist, keys with a vendor."""
    for operator, by_key in conditions.items():
        if parse_name(operator) is None:
            raise Invalid("policy document", why=f"Invalid Condition type : {operator}.")
        if any(":" not in key for key in by_key):
            raise Invalid("policy document", why=PREFACED)
