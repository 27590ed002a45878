"""What a session asks to be narrowed to: one inline policy, up to ten managed ones, and tags."""

import zlib
from typing import NamedTuple

import msgspec

from bastide.api.iam.identities.entities import iam_scope
from bastide.api.iam.policies.managed import find_policy
from bastide.api.operation import Context, Params
from bastide.api.sts.sessions import POLICY_MAX
from bastide.model.faults import Invalid, LimitExceeded, NotFound
from bastide.permissions import parse_document
from bastide.store import Txn

ARNS_MAX = 10
TAGS_MAX = 50
PACKED_MAX_BYTES = 2048  # AWS's own limit is told nowhere


class Asked(NamedTuple):
    """The policies and tags of a request, checked."""

    policies: tuple[str, ...]
    arns: tuple[str, ...]
    tags: dict[str, str]

    @property
    def has_policies(self) -> bool:
        return bool(self.policies or self.arns)

    @property
    def percent(self) -> int:
        """PackedPolicySize: how much of the room it takes, packed as in a token."""
        packed = zlib.compress(msgspec.msgpack.encode((self.policies, self.arns, self.tags)), 9)
        return -(-len(packed) * 100 // PACKED_MAX_BYTES)


def read_asked(txn: Txn, ctx: Context, params: Params) -> Asked:
    """What a request asks for; raises Invalid and NotFound for what cannot be."""
    policies = (params["Policy"],) if params.get("Policy") else ()
    for text in policies:
        parse_document(text)
        if len(text) > POLICY_MAX:
            raise LimitExceeded("packed policy", why=f"A session policy has at most {POLICY_MAX} characters.")
    arns = tuple(each["arn"] for each in params.get("PolicyArns") or [] if "arn" in each)
    if len(arns) > ARNS_MAX:
        raise LimitExceeded("packed policy", why=f"A session has at most {ARNS_MAX} managed policies.")
    for arn in arns:
        if find_policy(txn, iam_scope(ctx), arn) is None:
            raise NotFound("policy", arn, why=f"Policy {arn} does not exist or is not attachable.")
    asked = Asked(policies, arns, _tags(params))
    if asked.percent > 100:
        why = f"Packed policy consumes {asked.percent}% of allotted space, please use smaller policy."
        raise LimitExceeded("packed policy", why=why)
    return asked


def _tags(params: Params) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or []}
    if len({key.lower() for key in tags}) < len(params.get("Tags") or []):
        why = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        raise Invalid("parameter", why=why)
    if any(key.lower().startswith("aws:") for key in tags):
        raise Invalid("parameter", why="Tag keys beginning with 'aws:' are reserved for system use.")
    if len(tags) > TAGS_MAX:
        raise LimitExceeded("packed policy", why=f"A session has at most {TAGS_MAX} tags.")
    return tags
