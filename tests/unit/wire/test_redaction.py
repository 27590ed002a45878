"""What may be kept of parameters and results, by the models and by names."""

from typing import Any

import pytest

from bastide.api.registry import SERVICES
from bastide.wire import spec
from bastide.wire.codec.redaction import HIDDEN, Redaction

SECRET = "planted-secret"


def kept(service: str, operation: str, params: Any, *, of_result: bool = False) -> Any:
    redact = spec.redactions(service, operation)[of_result]
    return params if redact is None else redact(params)


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("secretsmanager", "CreateSecret", {"Name": "n", "SecretString": SECRET}),
        ("secretsmanager", "PutSecretValue", {"SecretId": "n", "SecretBinary": SECRET.encode()}),
        ("ssm", "PutParameter", {"Name": "n", "Type": "SecureString", "Value": SECRET}),
        ("iam", "ChangePassword", {"OldPassword": SECRET, "NewPassword": SECRET}),
        ("sts", "DecodeAuthorizationMessage", {"EncodedMessage": SECRET}),
        ("logs", "PutLogEvents", {"logGroupName": "g", "logEvents": [{"timestamp": 1, "message": SECRET}]}),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "Body": SECRET.encode()}),
        ("ecr", "UploadLayerPart", {"layerPartBlob": SECRET.encode()}),
        (
            "ecs",
            "RunTask",
            {"overrides": {"containerOverrides": [{"environment": [{"name": "A", "value": SECRET}]}]}},
        ),
        ("ecr", "PutImage", {"imageManifest": "{}", "Password": None}),
        *(
            (
                "ecs",
                "RegisterTaskDefinition",
                {"containerDefinitions": [{"logConfiguration": {"options": {option: SECRET}}}]},
            )
            for option in ("splunk-token", "apikey", "License_Key", "aws_access_key_id", "http_passwd")
        ),
    ],
)
def test_what_is_secret_is_not_kept(service: str, operation: str, params: Any) -> None:
    assert SECRET not in str(kept(service, operation, params))


@pytest.mark.parametrize(
    ("service", "operation", "result"),
    [
        ("iam", "CreateAccessKey", {"AccessKey": {"AccessKeyId": "AKIA", "SecretAccessKey": SECRET}}),
        ("sts", "AssumeRole", {"Credentials": {"SecretAccessKey": SECRET, "SessionToken": SECRET}}),
        ("ecs", "ExecuteCommand", {"session": {"tokenValue": SECRET, "sessionId": "s"}}),
        ("ssm", "ResumeSession", {"SessionId": "s", "TokenValue": SECRET}),
        ("ecr", "GetAuthorizationToken", {"authorizationData": [{"authorizationToken": SECRET}]}),
        ("secretsmanager", "GetSecretValue", {"SecretString": SECRET, "SecretBinary": SECRET.encode()}),
        ("secretsmanager", "GetRandomPassword", {"RandomPassword": SECRET}),
    ],
)
def test_what_is_secret_of_an_answer_is_not_kept(service: str, operation: str, result: Any) -> None:
    assert SECRET not in str(kept(service, operation, result, of_result=True))


def test_environment_values_are_hidden_as_cloudtrail_hides_them() -> None:
    container = {"name": "web", "image": "i", "environment": [{"name": "A", "value": SECRET}]}
    shown = kept("ecs", "RegisterTaskDefinition", {"family": "f", "containerDefinitions": [container]})
    assert shown == {
        "family": "f",
        "containerDefinitions": [{"name": "web", "image": "i", "environment": HIDDEN}],
    }


def test_options_that_are_not_secret_by_their_name_are_kept() -> None:
    configuration = {"logDriver": "awslogs", "options": {"awslogs-group": "/web", "splunk-token": SECRET}}
    (shown,) = kept(
        "ecs", "RegisterTaskDefinition", {"containerDefinitions": [{"logConfiguration": configuration}]}
    )["containerDefinitions"]
    assert shown["logConfiguration"]["options"] == {"awslogs-group": "/web", "splunk-token": HIDDEN}


def test_names_begin_in_lower_case_at_every_depth() -> None:
    given = {"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}], "MaxResults": 5}
    assert kept("ec2", "DescribeSubnets", given) == {
        "filters": [{"name": "vpc-id", "values": ["vpc-1"]}],
        "maxResults": 5,
    }


def test_what_has_nothing_to_hide_is_not_even_copied() -> None:
    assert spec.redactions("ecs", "DescribeTasks")[0] is None


def test_every_shape_compiles_and_takes_anything() -> None:
    for service in SERVICES:
        of = Redaction()
        for name in sorted(SERVICES[service]):
            model = spec.service(service).operation(name)
            for shape in (model.input_shape, model.output_shape):
                redact = None if shape is None else of.of(shape)
                if redact is not None:
                    odd: tuple[Any, ...] = ({}, {"a": None}, [], None, 1)
                    for value in odd:
                        redact(value)
