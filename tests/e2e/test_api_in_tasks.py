"""Story: a program in a task calls the API with boto3, told nothing but what every task is told."""

import json
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.installation import LOG_GROUP, Installation, shell
from tests.python_image import NAME, write_python_image

pytestmark = pytest.mark.real

OWN, OTHER = "/story/own", "/story/other"
SCRIPT = f"""
import boto3, socket
from botocore.exceptions import ClientError

def tried(call, **parameters):
    try:
        return call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]

print(boto3.client("sts").get_caller_identity()["Arn"])
logs = boto3.client("logs")
read = dict(logStreamName="s", startFromHead=True)
print(tried(logs.get_log_events, logGroupName="{OWN}", **read)["events"][0]["message"])
print(tried(logs.get_log_events, logGroupName="{OTHER}", **read))
print(tried(logs.describe_log_streams, logGroupName="{OWN}"))
print(socket.gethostbyname("api.bastide.internal"))
print(socket.gethostbyname("000000000000.dkr.ecr.us-east-1.localhost"))
"""


@pytest.fixture(scope="module")
def image(bastide: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    archive = tmp_path_factory.mktemp("image") / "python.tar"
    write_python_image(archive)
    bastide.bastide("image", "import", str(archive))
    return NAME


def reading(group: str, vpc_id: str) -> str:
    """A policy: read one log group, from inside one VPC."""
    statement = {
        "Effect": "Allow",
        "Action": "logs:GetLogEvents",
        "Resource": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*",
        "Condition": {"StringEquals": {"aws:SourceVpc": vpc_id}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def test_boto3_in_a_task_just_works(bastide: Installation, image: str) -> None:
    logs, iam = bastide.client("logs"), bastide.client("iam")
    for group in (OWN, OTHER):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
    logs.put_log_events(
        logGroupName=OWN,
        logStreamName="s",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "it is mine"}],
    )
    default = bastide.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])
    iam.create_user(UserName="reader")
    policy = reading(OWN, default["Vpcs"][0]["VpcId"])
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    keys = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    app = shell("app", "", image=image, command=["python3", "-c", SCRIPT]) | {"environment": pairs(keys)}
    task = bastide.run_task(bastide.register("caller", app))[0]
    stopped = bastide.wait(task, "STOPPED")
    lines = bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}", group=LOG_GROUP)
    assert lines == [
        "arn:aws:iam::000000000000:user/reader",
        "it is mine",
        "AccessDeniedException",
        "AccessDeniedException",
        "169.254.170.3",
        "169.254.170.3",
    ], "\n".join([*lines, str(stopped)])
    outside = boto3.client(
        "logs",
        region_name="us-east-1",
        endpoint_url=bastide.environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    with pytest.raises(ClientError, match="not authorized"):  # the same key outside of the VPC
        outside.get_log_events(logGroupName=OWN, logStreamName="s")


def pairs(variables: dict[str, str]) -> list[dict[str, Any]]:
    """As a task definition has them."""
    return [{"name": name, "value": value} for name, value in variables.items()]
