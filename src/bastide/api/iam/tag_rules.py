"""What tags can be in IAM."""

from collections.abc import Sequence

from bastide.api.operation import Document
from bastide.model.faults import Invalid, LimitExceeded

TAGS_MAX = 50  # IAM user guide, "Rules for tagging in IAM and AWS STS"
RESERVED_PREFIX = "aws:"


def checked_tags(tags: Sequence[Document]) -> list[Document]:
    """Tags of distinct keys, as they are stored."""
    keys = [tag["Key"].lower() for tag in tags]
    if len(set(keys)) < len(keys):
        why = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        raise Invalid("tag", why=why)
    if any(key.startswith(RESERVED_PREFIX) for key in keys):
        raise Invalid("tag", why="Tag keys beginning with 'aws:' are reserved for system use.")
    if len(keys) > TAGS_MAX:
        raise LimitExceeded("tags", why=f"The number of tags has reached the maximum limit: {TAGS_MAX}")
    return [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]


def merged_tags(tags: Sequence[Document], added: Sequence[Document]) -> list[Document]:
    """The tags with others over them, by key in any case."""
    new = checked_tags(added)
    replaced = {tag["Key"].lower() for tag in new}
    return checked_tags([*(tag for tag in tags if tag["Key"].lower() not in replaced), *new])


def left_tags(tags: Sequence[Document], keys: Sequence[str]) -> list[Document]:
    """The tags without those of some keys; one that is not there is no error."""
    gone = {key.lower() for key in keys}
    return [tag for tag in tags if tag["Key"].lower() not in gone]
