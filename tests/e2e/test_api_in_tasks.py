"""Story: a program in a task calls the API with boto3, told nothing but what every task is told."""

import json
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.installation import LOG_GROUP, Installation, shell, until
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
private = boto3.client("logs", endpoint_url="https://logs.us-east-1.amazonaws.com")
print([each["logStreamName"] for each in private.describe_log_streams(logGroupName="{OWN}")["logStreams"]])
print(socket.gethostbyname("api.bastide.internal"))
print(socket.gethostbyname("000000000000.dkr.ecr.us-east-1.localhost"))
"""


@pytest.fixture(scope="module")
def image(bastide: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    archive = tmp_path_factory.mktemp("image") / "python.tar"
    write_python_image(archive)
    bastide.bastide("image", "import", str(archive))
    return NAME


def reading(group: str, vpc_id: str, endpoint_id: str) -> str:
    """A policy: read one log group, from inside one VPC, and list its streams by one VPC endpoint."""
    statements = [
        {
            "Effect": "Allow",
            "Action": action,
            "Resource": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*",
            "Condition": {"StringEquals": {key: value}},
        }
        for action, key, value in (
            ("logs:GetLogEvents", "aws:SourceVpc", vpc_id),
            ("logs:DescribeLogStreams", "aws:SourceVpce", endpoint_id),
        )
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


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
    vpc_id, endpoint_id = make_endpoint(bastide.client("ec2"))
    iam.create_user(UserName="reader")
    policy = reading(OWN, vpc_id, endpoint_id)
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
        "['s']",
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
    bastide.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])
    left = bastide.folder / "run" / bastide.instance / "netns"
    until(lambda: not list(left.glob("*-task-eni-*")))


def make_endpoint(ec2: Any) -> tuple[str, str]:
    """An interface endpoint for CloudWatch Logs in the default VPC."""
    vpc_id = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    made = ec2.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.logs",
        SubnetIds=[subnets[0]["SubnetId"]],
    )
    return vpc_id, made["VpcEndpoint"]["VpcEndpointId"]


def pairs(variables: dict[str, str]) -> list[dict[str, Any]]:
    """As a task definition has them."""
    return [{"name": name, "value": value} for name, value in variables.items()]
