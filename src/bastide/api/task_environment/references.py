"""`valueFrom` and the ARNs of environment files, taken apart. Pure.

Forms: ECS developer guide, "Pass sensitive data to an Amazon ECS container". A Secrets Manager ARN has
nothing behind the secret's name, or three fields each of which may be empty; all else names a parameter.
"""

import re
from typing import NamedTuple

from bastide.model.arn import parse_arn, scope_of
from bastide.model.faults import Invalid

_PARAMETER = re.compile(r"[A-Za-z0-9_./-]{1,2048}")
_PARAMETER_RESOURCE = "parameter/"
_SECRET_FIELDS = 5  # secret, name, JSON key, stage, version


class SecretSource(NamedTuple):
    """A Secrets Manager secret, or a part of one; None: the whole, the current one."""

    scope: str
    arn: str
    json_key: str | None
    stage: str | None
    version_id: str | None


class ParameterSource(NamedTuple):
    """A Parameter Store parameter, by name or by ARN."""

    scope: str
    name: str

    @property
    def region(self) -> str:
        """Where it is."""
        return self.scope.rpartition("/")[2]


Source = SecretSource | ParameterSource


def parse_value_from(text: str, scope: str) -> Source:
    """What a container of that scope means; raises Invalid, whose `why` says what is wrong with it."""
    arn = parse_arn(text)
    if arn is None:
        if not _PARAMETER.fullmatch(text):
            raise Invalid("valueFrom", text, why="parameter name")
        return ParameterSource(scope, text)
    of = scope_of(arn.account, arn.region)
    if arn.service == "ssm":
        name = arn.resource.removeprefix(_PARAMETER_RESOURCE)
        if name == arn.resource or not _PARAMETER.fullmatch(name) or not (arn.account and arn.region):
            raise Invalid("valueFrom", text, why="parameter name")
        return ParameterSource(of, text)
    fields = arn.resource.split(":")
    is_secret = arn.service == "secretsmanager" and fields[0] == "secret" and arn.account and arn.region
    if not is_secret or len(fields) not in (2, _SECRET_FIELDS) or not fields[1]:
        raise Invalid("valueFrom", text, why="ARN")
    json_key, stage, version_id = (field or None for field in (fields[2:] or ["", "", ""]))
    if stage and version_id:
        raise Invalid("valueFrom", text, why="version")
    whole = f"arn:{arn.partition}:secretsmanager:{arn.region}:{arn.account}:secret:{fields[1]}"
    return SecretSource(of, whole, json_key, stage, version_id)


def parse_file_arn(text: str) -> tuple[str, str]:
    """Bucket and key of an S3 object's ARN; raises Invalid."""
    arn = parse_arn(text)
    bucket, slash, key = arn.resource.partition("/") if arn is not None else ("", "", "")
    if arn is None or arn.service != "s3" or not (bucket and slash and key):
        raise Invalid("environment file", text, why=f"{text} is not the ARN of an S3 object")
    return bucket, key
