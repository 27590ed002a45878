"""Condition keys that every call has: where it came from, when, and the tags it brings.

A key whose value is not known is left out. A call has `aws:SourceIp`, or, from inside a VPC, `aws:SourceVpc`
and its like, as on AWS. No service calls for somebody else, so `aws:CalledVia` never has a value.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bastide.api.authorization.callers import caller_keys, entity_keys
from bastide.api.operation import Caller, Context, Origin, Params
from bastide.permissions.patterns import Keys, Values
from bastide.store import Txn

TAGS = ("tags", "Tags", "resourceTags")
TAG_KEYS = ("tagKeys", "TagKeys", "resourceTagKeys")
SPECIFICATIONS = "TagSpecifications"
_TAGGING = {*TAGS, SPECIFICATIONS}


def moment_keys(txn: Txn, caller: Caller, now: datetime) -> dict[str, Values]:
    """The keys of the caller and of the moment."""
    return _moment_keys(entity_keys(txn, caller), caller, now)


def _moment_keys(of_entity: Keys, caller: Caller, now: datetime) -> dict[str, Values]:
    keys = caller_keys(caller, of_entity)
    keys["aws:currenttime"] = now.isoformat()
    keys["aws:epochtime"] = str(int(now.timestamp()))
    keys["aws:requestedregion"] = caller.region
    keys["aws:viaawsservice"] = "false"
    return keys


def request_keys(ctx: Context, txn: Txn, of_entity: Keys | None = None) -> dict[str, Values]:
    """The same, and the keys of the way the request came; `of_entity` where those are known already."""
    known = entity_keys(txn, ctx.caller) if of_entity is None else of_entity
    keys = _moment_keys(known, ctx.caller, ctx.now)
    origin = ctx.origin
    keys["aws:securetransport"] = "true" if origin.is_secure else "false"
    if origin.vpc_id:
        keys |= _places(origin)
    elif origin.address:
        keys["aws:sourceip"] = origin.address
    if origin.user_agent:
        keys["aws:useragent"] = origin.user_agent
    return keys


def _places(origin: Origin) -> dict[str, Values]:
    """Where in a VPC it came from: IAM user guide, "Properties of the network"."""
    keys: dict[str, Values] = {"aws:sourcevpc": origin.vpc_id, "aws:vpcsourceip": origin.address}
    return keys | ({"aws:sourcevpce": origin.endpoint_id} if origin.endpoint_id else {})


def tags_in(params: Params) -> dict[str, str]:
    """The tags a request brings, in whichever of AWS's ways."""
    if params.keys().isdisjoint(_TAGGING):
        return {}
    found = {key: value for name in TAGS for key, value in _tags(params.get(name))}
    for one in params.get(SPECIFICATIONS) or ():
        found |= dict(_tags(one.get("Tags")))
    return found


def _tags(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, Mapping):
        yield from ((str(key), str(value)) for key, value in found.items())
    elif isinstance(found, list):
        for tag in found:
            if isinstance(tag, Mapping):
                yield str(tag.get("Key", tag.get("key", ""))), str(tag.get("Value", tag.get("value", "")))


def tag_keys(params: Params, tags: Mapping[str, str]) -> dict[str, Values]:
    """`aws:RequestTag/…` and `aws:TagKeys` of a request that brings some tags."""
    named = [str(key) for name in TAG_KEYS for key in params.get(name) or ()]
    keys: dict[str, Values] = {f"aws:requesttag/{key.lower()}": value for key, value in tags.items()}
    if tags or named:
        keys["aws:tagkeys"] = (*tags, *named)
    return keys
