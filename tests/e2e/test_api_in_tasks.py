"""Story: a program in a task calls the API with boto3, as its role, told what every task is told."""

import json
import time
from typing import Any

import pytest

from tests.installation import LOG_GROUP, Installation, shell, until
from tests.python_image import NAME, write_python_image
from tests.roles import TRUST

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
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    policy = reading(OWN, vpc_id, endpoint_id)
    iam.put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=policy)
    app = shell("app", "", image=image, command=["python3", "-c", SCRIPT])
    task = bastide.run_task(bastide.register("caller", app, taskRoleArn=role))[0]
    stopped = bastide.wait(task, "STOPPED")
    lines = bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}", group=LOG_GROUP)
    assert lines == [
        f"arn:aws:sts::000000000000:assumed-role/reader/{task.rsplit('/', 1)[-1]}",
        "it is mine",
        "AccessDeniedException",
        "AccessDeniedException",
        "['s']",
        "169.254.170.3",
        "169.254.170.3",
    ], "\n".join([*lines, str(stopped)])
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
