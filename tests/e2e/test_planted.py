"""Secrets of every kind, used rightly and wrongly: none of them is in a log, a sealed folder or an argument.

The installation's fixture looks once more when all its stories are told.
"""

import base64
import json
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from tests.installation import Installation, ask, shell, until
from tests.planted import leaks, plant, remember, watched_arguments

pytestmark = pytest.mark.real

ACCOUNT = "000000000000"
# To whoever asks for them: what a task logs is no secret to those who may read its log.
SHOW_CREDENTIALS = """
mkdir /tmp/www
wget -qO /tmp/www/keys http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
exec httpd -f -p 80 -h /tmp/www
"""
EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root", "Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}


def client(bastide: Installation, service: str, key: str, secret: str, token: str | None = None) -> Any:
    """boto3's, as somebody else."""
    return boto3.client(
        service,
        endpoint_url=bastide.environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def test_no_secret_is_anywhere_it_should_not_be(bastide: Installation) -> None:
    with watched_arguments() as exposed:
        use_access_keys(bastide)
        use_stores(bastide)
        use_registry(bastide)
        use_task(bastide)
        assert leaks(bastide.folder / "data" / bastide.instance) == []
    assert exposed == []


def use_access_keys(bastide: Installation) -> None:
    """A user's, which is shown once, and a session's."""
    iam = bastide.client("iam")
    iam.create_user(UserName="planter")
    iam.put_user_policy(UserName="planter", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    made = iam.create_access_key(UserName="planter")["AccessKey"]
    remember("an access key's secret", made["SecretAccessKey"])
    assert "SecretAccessKey" not in iam.list_access_keys(UserName="planter")["AccessKeyMetadata"][0]
    sts = client(bastide, "sts", made["AccessKeyId"], made["SecretAccessKey"])
    iam.create_role(RoleName="planted", AssumeRolePolicyDocument=json.dumps(TRUST))
    role = f"arn:aws:iam::{ACCOUNT}:role/planted"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    remember("a session's secret", keys["SecretAccessKey"])
    remember("a session's token", keys["SessionToken"])
    ecs = client(bastide, "ecs", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    with pytest.raises(ClientError):
        ecs.list_clusters()  # the role may do nothing
    swapped = client(bastide, "ecs", keys["SecretAccessKey"], made["SecretAccessKey"], keys["SessionToken"])
    with pytest.raises(ClientError):
        swapped.list_clusters()  # a secret in the place of a key's id


def use_stores(bastide: Installation) -> None:
    """Values of secrets and parameters, taken and refused."""
    manager, ssm = bastide.client("secretsmanager"), bastide.client("ssm")
    manager.create_secret(Name="planted", SecretString=plant("a secret's value"))
    manager.put_secret_value(SecretId="planted", SecretString=plant("a secret's next value"))
    for value in (plant("a value that exists already"), plant("a value that is too long") + "x" * 70_000):
        with pytest.raises(ClientError):
            manager.create_secret(Name="planted", SecretString=value)
    parameter = {"Name": "/planted", "Type": "SecureString"}
    ssm.put_parameter(**parameter, Value=plant("a SecureString"))
    with pytest.raises(ClientError):
        ssm.put_parameter(**parameter, Value=plant("a SecureString that exists already"))
    assert ssm.get_parameter(Name="/planted", WithDecryption=True)["Parameter"]["Value"]
    refused = client(bastide, "secretsmanager", "AKIANOBODYNOBODY0000", "x" * 40)
    with pytest.raises(ClientError):
        refused.create_secret(Name="other", SecretString=plant("a value of nobody's"))


def use_registry(bastide: Installation) -> None:
    """The password that docker gets, right and cut short."""
    data = bastide.client("ecr").get_authorization_token()["authorizationData"][0]
    password = base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]
    remember("a registry's password", password)
    url = f"{bastide.environment['AWS_ENDPOINT_URL']}/v2/"
    assert httpx.get(url, auth=("AWS", password)).status_code == 200
    assert httpx.get(url, auth=("AWS", password[:-4])).status_code == 401


def use_task(bastide: Installation) -> None:
    """What a task is given, while it runs; and in a definition that is refused."""
    secrets = [
        {"name": "A", "valueFrom": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:planted"},
        {"name": "B", "valueFrom": "/planted"},
    ]
    plain = [{"name": "C", "value": plant("an environment's value that is refused")}]
    with pytest.raises(ClientError):
        bastide.client("ecs").register_task_definition(
            family="planted", containerDefinitions=[{"name": "a b", "image": "i", "environment": plain}]
        )
    container = shell("app", SHOW_CREDENTIALS, log=False, secrets=secrets, stopTimeout=2)
    role = f"arn:aws:iam::{ACCOUNT}:role/planted"
    task = bastide.run_task(bastide.register("planted", container, taskRoleArn=role), public=True)[0]
    address = bastide.public_address(bastide.wait(task, "RUNNING"))
    try:
        keys = json.loads(until(lambda: ask(f"http://{address}/keys")))
        remember("a task's secret", keys["SecretAccessKey"])
        remember("a task's token", keys["Token"])
        assert leaks(bastide.folder / "data" / bastide.instance) == []
    finally:
        bastide.stop(task)
