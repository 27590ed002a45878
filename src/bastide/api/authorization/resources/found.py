"""A resource that a call is about."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from bastide.api.operation import Context, Params
from bastide.permissions.patterns import Values
from bastide.store import Record, Txn


class Found(msgspec.Struct, frozen=True):
    """Its ARN, tags, the policies that stand at it, and own keys; it may not exist yet, or not at all.

    `roles` are those that it hands to whoever runs it, by the member that names them.
    """

    arn: str
    tags: Mapping[str, str] = {}
    policies: tuple[str, ...] = ()
    keys: Mapping[str, Values] = {}
    roles: Mapping[str, str] = {}


Find = Callable[[Txn, Context, Params], list[Found]]
Keys = Callable[[Txn, Context, Params, Sequence[Found]], dict[str, Values]]  # what it is about is found


def names_in(params: Params, *members: str) -> list[str]:
    """The names that some members give, one or many each."""
    found: list[str] = []
    for member in members:
        value = params.get(member)
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            found += [each for each in value if isinstance(each, str)]
    return found


def own_policy(record: Record) -> tuple[str, ...]:
    """The policy a record keeps for its resource, if there is one."""
    text = record.document.get("policy")
    return () if text is None else (str(text),)


def tag_map(tags: list[dict[str, str]]) -> dict[str, str]:
    """A document's list of tags, in whichever case."""
    return {tag.get("Key", tag.get("key", "")): tag.get("Value", tag.get("value", "")) for tag in tags}
