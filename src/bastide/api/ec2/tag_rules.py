"""What tags may be, and those a call that makes something asks for.

Limits: EC2 user guide, "Tag restrictions".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bastide.api.ec2.nouns import Noun
from bastide.api.operation import Document, Params
from bastide.model.faults import Invalid, LimitExceeded

TAGS_MAX = 50
KEY_CHARS_MAX = 127
VALUE_CHARS_MAX = 256
RESERVED = "aws:"


def tags_asked(params: Params, of: Noun) -> list[Document]:
    """The tags of TagSpecifications; raises Invalid for those of another noun."""
    tags: list[Mapping[str, Any]] = []
    for one in params.get("TagSpecifications") or ():
        named = one.get("ResourceType")
        if named != of.resource_type:
            why = f"'{named}' is not a valid taggable resource type for this operation."
            raise Invalid("parameter", str(named), why=why)
        tags += one.get("Tags") or ()
    checked = checked_tags(tags)
    if len({tag["Key"] for tag in checked}) < len(checked):
        raise Invalid("parameter", why="Duplicate tag key specified.")
    return checked


def checked_tags(tags: Sequence[Mapping[str, Any]]) -> list[Document]:
    """The tags, each with a value; raises Invalid where one cannot be."""
    checked = [{"Key": tag.get("Key") or "", "Value": tag.get("Value") or ""} for tag in tags]
    for tag in checked:
        if not tag["Key"] or len(tag["Key"]) > KEY_CHARS_MAX:
            why = f"Tag keys must be between 1 and {KEY_CHARS_MAX} characters in length."
            raise Invalid("parameter", tag["Key"], why=why)
        if tag["Key"].lower().startswith(RESERVED):
            why = f"Tag keys starting with '{RESERVED}' are reserved for internal use"
            raise Invalid("parameter", tag["Key"], why=why)
        if len(tag["Value"]) > VALUE_CHARS_MAX:
            why = f"Tag values must be at most {VALUE_CHARS_MAX} characters in length."
            raise Invalid("parameter", tag["Key"], why=why)
    check_count(len(checked))
    return checked


def check_count(count: int) -> None:
    """Raise LimitExceeded where a resource would have too many tags."""
    if count > TAGS_MAX:
        raise LimitExceeded("tags", why=f"The maximum number of tags per resource is {TAGS_MAX}.")
