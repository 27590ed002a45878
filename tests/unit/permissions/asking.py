"""Questions in few words."""

import json
from typing import Any

from bastide.permissions import Policy, PolicyKind, Principal, PrincipalKind, Request, compile_policy

ACCOUNT = "111122223333"
USER = Principal(kind=PrincipalKind.USER, arn=f"arn:aws:iam::{ACCOUNT}:user/ann", account=ACCOUNT)
ROOT = Principal(kind=PrincipalKind.ROOT, arn=f"arn:aws:iam::{ACCOUNT}:root", account=ACCOUNT)
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/deploy"
SESSION = Principal(
    kind=PrincipalKind.ROLE,
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci",
    account=ACCOUNT,
    role_arn=ROLE_ARN,
)
FEDERATED = Principal(
    kind=PrincipalKind.FEDERATED,
    arn=f"arn:aws:sts::{ACCOUNT}:federated-user/app",
    account=ACCOUNT,
    role_arn=USER.arn,
)
ECS_TASKS = Principal(kind=PrincipalKind.SERVICE, arn="ecs-tasks.amazonaws.com", account="")


def statement(effect: str = "Allow", action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement of an identity's policy; `resource=None` leaves it out."""
    found = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return {name: value for name, value in found.items() if value is not None}


def policy(
    *statements: dict[str, Any], version: str = "2012-10-17", kind: PolicyKind = PolicyKind.IDENTITY
) -> Policy:
    """The statements, compiled."""
    return compile_policy(json.dumps({"Version": version, "Statement": list(statements)}), kind)


def ask(
    action: str = "ecs:RunTask", resource: str = "*", principal: Principal = USER, **keys: Any
) -> Request:
    """A request; a key's colon is written as two underscores, a slash as three."""
    named = {name.replace("___", "/").replace("__", ":").lower(): value for name, value in keys.items()}
    return Request(action=action, resource=resource, principal=principal, keys=named)
