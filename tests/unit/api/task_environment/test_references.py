"""`valueFrom` and file ARNs, taken apart."""

import pytest

from bastide.api.task_environment.references import (
    ParameterSource,
    SecretSource,
    Source,
    parse_file_arn,
    parse_value_from,
)
from bastide.model.faults import Invalid

HERE, THERE = "111122223333/eu-test-1", "111122223333/us-east-1"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbCdEf"
PARAMETER = "arn:aws:ssm:us-east-1:111122223333:parameter/prod/db"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("name", ParameterSource(HERE, "name")),
        ("/path/to.the_name-1", ParameterSource(HERE, "/path/to.the_name-1")),
        (PARAMETER, ParameterSource(THERE, PARAMETER)),
        (SECRET, SecretSource(THERE, SECRET, None, None, None)),
        (f"{SECRET}:::", SecretSource(THERE, SECRET, None, None, None)),
        (f"{SECRET}:user::", SecretSource(THERE, SECRET, "user", None, None)),
        (f"{SECRET}::AWSPREVIOUS:", SecretSource(THERE, SECRET, None, "AWSPREVIOUS", None)),
        (f"{SECRET}:user::v1", SecretSource(THERE, SECRET, "user", None, "v1")),
    ],
)
def test_every_form(text: str, source: Source) -> None:
    assert parse_value_from(text, HERE) == source


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "a b", "name:1", "/é", f"{SECRET}:", f"{SECRET}:a", f"{SECRET}:a:b", f"{SECRET}:a:b:c:d"),
        *(f"{SECRET}:a:b:c", "arn:aws:ssm:us-east-1:1:parameter", "arn:aws:ssm:us-east-1:1:parameter/a:1"),
        *("arn:aws:s3:::b/k", "arn:aws:secretsmanager:::secret:x", "arn:aws:secretsmanager:r:1:other:x"),
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_value_from(text, HERE)


def test_a_file_is_named_by_bucket_and_key() -> None:
    assert parse_file_arn("arn:aws:s3:::bucket/a/b.env") == ("bucket", "a/b.env")
    for text in ("bucket/a", "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/", "arn:aws:sqs:::bucket/a"):
        with pytest.raises(Invalid):
            parse_file_arn(text)
