"""Users, roles and clients for them, on a served API."""

import json
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.unit.api.serving import Served

ACCOUNT, REGION = "111122223333", "eu-test-1"
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
DENIED = ("AccessDenied", "AccessDeniedException")  # by the services' protocols


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def trusting(principal: Any, **more: Any) -> str:
    action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    return policy({"Effect": "Allow", "Principal": principal, "Action": action, **more})


class World:
    """What the admin sets up, and others try."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.url = served.url
        self._clients: list[Any] = []
        self.iam = self.admin("iam")

    def admin(self, service: str, *, region: str = REGION) -> Any:
        """A client of the installation's admin."""
        self._clients.append(self._served.client(service, region=region))
        return self._clients[-1]

    def close(self) -> None:
        """Let go of every connection."""
        for client in self._clients:
            client.close()

    def user(self, name: str, *statements: dict[str, Any]) -> dict[str, str]:
        """A user with these permissions; the keys to sign with."""
        self.iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": "red"}])
        if statements:
            self.permit(name, *statements)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }

    def remove(self, name: str, keys: dict[str, str]) -> None:
        """A user without permissions is gone."""
        self.iam.delete_access_key(UserName=name, AccessKeyId=keys["aws_access_key_id"])
        self.iam.delete_user(UserName=name)

    def permit(self, name: str, *statements: dict[str, Any]) -> None:
        """These permissions in place of any others."""
        self.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(*statements))

    def role(self, name: str, trust: str, *statements: dict[str, Any], **more: Any) -> str:
        """A role; its ARN."""
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **more)
        self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
        return str(made["Role"]["Arn"])

    def client(self, service: str, keys: dict[str, str]) -> Any:
        """A client that signs with some keys."""
        made = boto3.client(
            service,
            endpoint_url=self._served.url,
            region_name=REGION,
            config=Config(retries={"total_max_attempts": 1}),
            **keys,
        )
        self._clients.append(made)
        return made


def session_keys(credentials: dict[str, Any]) -> dict[str, str]:
    """Credentials of STS as a client takes them."""
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def refused(call: Any, **params: Any) -> tuple[str, str]:
    """Code and message of a call that must fail."""
    try:
        call(**params)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError("it was allowed")
