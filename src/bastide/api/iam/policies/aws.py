"""The policies AWS manages that ECS users attach: data in aws_policies.jsonl, one a line, as AWS has them.

Read once at import. Nobody changes them; their ids, which AWS draws, are derived from their names.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bastide.api.iam.identities.entities import ID_RANDOM_CHARS
from bastide.api.iam.policies.policy import POLICY_PREFIX, Managed

FILE = Path(__file__).with_name("aws_policies.jsonl")
OWNER = "aws"


class _Line(msgspec.Struct, frozen=True):
    """One line of the file."""

    name: str
    path: str
    version: str
    created: datetime
    updated: datetime
    document: dict[str, Any]


def _policy(line: _Line) -> Managed:
    arn = f"arn:aws:iam::{OWNER}:policy{line.path}{line.name}"
    digest = base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()
    updated = line.updated.timestamp()
    text = msgspec.json.format(msgspec.json.encode(line.document), indent=4).decode()
    return Managed(
        arn=arn,
        name=line.name,
        path=line.path,
        id=POLICY_PREFIX + digest[:ID_RANDOM_CHARS],
        created_s=line.created.timestamp(),
        updated_s=updated,
        default=line.version,
        versions=({"VersionId": line.version, "text": text, "CreateDate": updated},),
    )


def _read() -> Mapping[str, Managed]:
    lines = msgspec.json.Decoder(_Line).decode_lines(FILE.read_bytes())
    return {line.name: _policy(line) for line in lines}


AWS_POLICIES: Mapping[str, Managed] = _read()
AWS_POLICIES_BY_ARN: Mapping[str, Managed] = {policy.arn: policy for policy in AWS_POLICIES.values()}
