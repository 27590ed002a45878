"""A managed policy with its versions, whoever manages it."""

from typing import Any

import msgspec

from bastide.store import Record

POLICY = "iam-policy"  # key: the ARN; name: the policy's in lower case
POLICY_PREFIX = "ANPA"


class Managed(msgspec.Struct, frozen=True, kw_only=True):
    """AWS's or the account's own; `versions` from the oldest, each with its text."""

    arn: str
    name: str
    path: str
    id: str
    created_s: float
    updated_s: float
    default: str
    versions: tuple[dict[str, Any], ...]
    description: str = ""
    tags: tuple[dict[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The document that counts."""
        return next(str(each["text"]) for each in self.versions if each["VersionId"] == self.default)


def read_policy(record: Record) -> Managed:
    """An account's own policy."""
    members, document = record.document["members"], record.document
    return Managed(
        arn=record.key,
        name=members["PolicyName"],
        path=members["Path"],
        id=members["PolicyId"],
        created_s=members["CreateDate"],
        updated_s=members["UpdateDate"],
        default=members["DefaultVersionId"],
        versions=tuple(document["versions"]),
        description=members.get("Description", ""),
        tags=tuple(document["tags"]),
    )
