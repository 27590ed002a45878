"""Secrets, parameters and files with the real `aws` program, as a user types it, and with boto3."""

from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-central-1"  # S3's model knows AWS's regions by name


def test_secrets_with_the_aws_program(server: Any) -> None:
    made = server.aws(
        "secretsmanager", "create-secret", "--name", "cli/db", "--secret-string", '{"user":"a"}'
    )
    got = server.aws("secretsmanager", "get-secret-value", "--secret-id", "cli/db")
    assert (got["SecretString"], got["VersionStages"]) == ('{"user":"a"}', ["AWSCURRENT"])
    put = ("secretsmanager", "put-secret-value", "--secret-id", made["ARN"], "--secret-string", "new")
    assert server.aws(*put)["VersionId"] != made["VersionId"]
    with pytest.raises(RuntimeError, match=r"ResourceExistsException.*the secret cli/db already exists"):
        server.aws("secretsmanager", "create-secret", "--name", "cli/db", "--secret-string", "x")
    server.aws("secretsmanager", "delete-secret", "--secret-id", "cli/db", "--recovery-window-in-days", "7")
    with pytest.raises(RuntimeError, match=r"InvalidRequestException.*marked for deletion"):
        server.aws("secretsmanager", "get-secret-value", "--secret-id", "cli/db")
    with pytest.raises(RuntimeError, match="ResourceNotFoundException"):
        server.aws("secretsmanager", "describe-secret", "--secret-id", "nobody/made/this")


def test_parameters_with_the_aws_program(server: Any) -> None:
    put = ("ssm", "put-parameter", "--name", "/cli/key", "--value", "k", "--type", "SecureString")
    assert server.aws(*put) == {"Version": 1, "Tier": "Standard"}
    got = server.aws("ssm", "get-parameter", "--name", "/cli/key", "--with-decryption")["Parameter"]
    assert (got["Value"], got["ARN"].rpartition(":")[2]) == ("k", "parameter/cli/key")
    by_path = server.aws("ssm", "get-parameters-by-path", "--path", "/cli")["Parameters"]
    assert [(each["Name"], each["Value"] == "k") for each in by_path] == [("/cli/key", False)]
    with pytest.raises(RuntimeError, match=r"ParameterAlreadyExists.*set the overwrite option"):
        server.aws(*put)
    with pytest.raises(RuntimeError, match=r"ParameterNotFound.*Parameter /cli/no not found\."):
        server.aws("ssm", "get-parameter", "--name", "/cli/no")


def test_files_with_the_aws_program(server: Any, tmp_path: Path) -> None:
    local = tmp_path / "app.env"
    local.write_text("A=1\n")

    def s3(*arguments: str) -> str:
        return str(server.run("s3", *arguments, "--region", REGION))

    assert s3("mb", "s3://cli-files").strip() == "make_bucket: cli-files"
    s3("cp", str(local), "s3://cli-files/prod/app one.env")
    s3("cp", str(local), "s3://cli-files/top.env")
    assert "cli-files" in s3("ls")
    assert s3("ls", "s3://cli-files").split()[:2] == ["PRE", "prod/"]
    assert [line.split(maxsplit=3)[2:] for line in s3("ls", "s3://cli-files/prod/").splitlines()] == [
        ["4", "app one.env"]
    ]
    s3("cp", "s3://cli-files/prod/app one.env", str(tmp_path / "back.env"))
    assert (tmp_path / "back.env").read_text() == "A=1\n"
    assert s3("cp", "s3://cli-files/top.env", "-") == "A=1\n"
    (tmp_path / "empty.env").touch()
    s3("cp", str(tmp_path / "empty.env"), "s3://cli-files/empty.env")
    with pytest.raises(RuntimeError, match="BucketNotEmpty"):
        s3("rb", "s3://cli-files")
    s3("rm", "s3://cli-files/top.env")
    with pytest.raises(RuntimeError, match="404"):
        s3("cp", "s3://cli-files/top.env", str(tmp_path / "no.env"))
    s3("rb", "--force", "s3://cli-files")
    assert "cli-files" not in s3("ls")


@pytest.mark.parametrize("signed", [True, False])
def test_boto3_puts_and_ranges(server: Any, signed: bool) -> None:
    s3 = server.client("s3", REGION, config=Config(s3={"payload_signing_enabled": signed}))
    bucket = f"boto-{str(signed).lower()}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    body = bytes(range(256)) * 8192
    s3.put_object(Bucket=bucket, Key="é/b +.bin", Body=body, Metadata={"k": "v"}, ChecksumAlgorithm="SHA256")
    got = s3.get_object(Bucket=bucket, Key="é/b +.bin", ChecksumMode="ENABLED")
    assert (got["Body"].read() == body, got["Metadata"]) == (True, {"k": "v"})
    part = s3.get_object(Bucket=bucket, Key="é/b +.bin", Range="bytes=10-19")
    assert (part["Body"].read(), part["ResponseMetadata"]["HTTPStatusCode"]) == (body[10:20], 206)
    assert s3.head_object(Bucket=bucket, Key="é/b +.bin")["ContentLength"] == len(body)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == REGION
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="é/b +.bin", Range=f"bytes={len(body)}-")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 416
    with pytest.raises(ClientError, match="NotImplemented"):
        s3.create_multipart_upload(Bucket=bucket, Key="x")
