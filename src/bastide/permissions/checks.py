"""What IAM asks of a policy when it is written, in the sentences it answers.

The order is IAM's: of a policy with many faults it tells the same one. What trust policies are asked is
trust_checks.py's. Facts: what IAM is known to answer to such documents.
"""

import re
from collections.abc import Mapping, Sequence

from bastide.permissions.conditions import parse_name
from bastide.permissions.documents import (
    LEGACY,
    NEW,
    SYNTAX,
    Clause,
    Document,
    PolicyKind,
    read_document,
    refused,
)
from bastide.permissions.operators import is_moment
from bastide.permissions.patterns import ARN_FIELDS
from bastide.permissions.principals import AWS, TYPES, is_aws_principal
from bastide.permissions.trust_checks import check_trust

_SID = re.compile(r"[0-9A-Za-z]*")
_VENDOR = re.compile(r"[A-Za-z0-9.-]+")
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
_WILD = frozenset("*?$")
_PATHS = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)
PREFACED = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


def parse_document(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> Document:
    """The policy in a text that somebody writes; raises Invalid with AWS's sentence for what is none."""
    document = read_document(text, kind)
    if kind is PolicyKind.TRUST:
        check_trust(document)
    else:
        _check_sids([clause.sid for clause in document.clauses], kind)
        for clause in document.clauses:
            _check_members(clause, kind)
            _check_principals(clause.principals or {})
    for clause in document.clauses:
        _check_dates(clause)
    for clause in document.clauses:
        _check_resources(clause.resources or ())
    for clause in document.clauses:
        _check_actions(clause.actions)
        _check_conditions(clause.conditions)
    return document


def parse_managed(text: str) -> Document:
    """The same for a managed policy, which has to be of the newer language."""
    document = read_document(text)
    if document.version != NEW:
        raise refused(f"Policy document must be version {NEW} or greater.")
    return parse_document(text)


def _check_sids(sids: Sequence[str], kind: PolicyKind) -> None:
    """Each once; IAM's own of letters and digits, while ECR's and S3's guides write whole sentences."""
    given = [sid for sid in sids if sid]
    if kind is PolicyKind.IDENTITY and not all(_SID.fullmatch(sid) for sid in given):
        raise refused(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
            "expression [0-9A-Za-z]*"
        )
    if len(set(given)) < len(given):
        raise refused("Statement IDs (SID) in a single policy must be unique.")


def _check_members(clause: Clause, kind: PolicyKind) -> None:
    """What a statement must have, and must not, where it stands."""
    if kind is PolicyKind.IDENTITY and clause.principals is not None:
        raise refused("Policy document should not specify a principal.")
    if not clause.actions:
        raise refused("Policy statement must contain actions.")
    if kind is PolicyKind.IDENTITY and not clause.resources:
        raise refused("Policy statement must contain resources.")
    if kind is PolicyKind.RESOURCE and not clause.principals:
        raise refused("Missing required field Principal")


def _check_principals(by_type: Mapping[str, Sequence[str]]) -> None:
    """Accounts, ARNs and services by their kind; part of an ARN cannot be a wildcard."""
    for kind, names in by_type.items():
        for name in names:
            if kind not in TYPES or not name or (kind == AWS and not is_aws_principal(name)):
                raise refused(f'Invalid principal in policy: "{kind}":"{name}"')


def _check_dates(clause: Clause) -> None:
    """A date is one."""
    for operator, by_key in clause.conditions.items():
        name = parse_name(operator)
        if name is None or not name.operator.startswith("Date"):
            continue
        if not all(is_moment(value) for values in by_key.values() for value in values):
            raise refused(LEGACY)


def _check_resources(resources: Sequence[str]) -> None:
    """An ARN, a shortened one, or a star."""
    for resource in resources:
        if resource != "*":
            _check_resource(resource)


def _check_resource(resource: str) -> None:
    scheme, *fields = resource.split(":", ARN_FIELDS - 1)
    if not fields:
        raise refused(f'Resource {resource} must be in ARN format or "*".')
    if scheme == "arn" and "::" in resource and len(fields) < ARN_FIELDS - 1:
        raise refused(LEGACY)
    partition, *rest = fields
    if scheme != "arn" or (partition not in _PARTITIONS and not set(partition) & _WILD):
        whole = ":".join(["arn", *fields, *["*"] * (ARN_FIELDS - 1 - len(fields))])
        raise refused(f'Partition "{partition}" is not valid for resource "{whole}".')
    service = rest[0] if rest else "*"
    if set(service) & _WILD:
        raise refused("Resource vendor must be fully qualified and cannot contain regexes.")
    if not service:
        raise refused(LEGACY)
    if len(rest) == ARN_FIELDS - 2:
        _check_places(resource, *rest)


def _check_places(resource: str, service: str, region: str, account: str, name: str) -> None:
    """IAM's and S3's own rules for their ARNs."""
    if service == "iam" and region not in ("", "*"):
        raise refused(f"IAM resource {resource} cannot contain region information.")
    if service == "iam" and name not in ("*", "root") and not name.startswith(_PATHS):
        raise refused(f'IAM resource path must either be "*", root, or start with {", ".join(_PATHS)}.')
    if service == "s3" and account == "" and region not in ("", "*"):
        raise refused(f"Resource {resource} can not contain region information.")


def _check_actions(actions: Sequence[str]) -> None:
    """`vendor:Name`, or a star for everything."""
    for action in actions:
        if action == "*":
            continue
        vendor, colon, name = action.partition(":")
        if not colon:
            raise refused(PREFACED)
        if not _VENDOR.fullmatch(vendor):
            raise refused(f"Vendor {vendor} is not valid")
        if ":" in name:
            raise refused("Actions/Condition can contain only one colon.")
        if not name:
            raise refused(LEGACY)


def _check_conditions(conditions: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Operators that exist, keys with a vendor."""
    for operator, by_key in conditions.items():
        if by_key and parse_name(operator) is None:
            raise refused(SYNTAX)
        if any(":" not in key for key in by_key):
            raise refused(PREFACED)
