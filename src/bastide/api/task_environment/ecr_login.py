"""How a task's host is let into the installation's own ECR: by the task's execution role, as on AWS."""

from datetime import datetime

from bastide.api.distribution.access import USER, issue_token
from bastide.api.operation import Caller
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.arn import last_of
from bastide.model.registry.host_name import parse_registry_host


def ecr_login(
    vault: Vault, settings: Settings, *, image: str, role_arn: str | None, task_arn: str, now: datetime
) -> tuple[str, str] | None:
    """User and password; None for an image of another registry, or a task without an execution role."""
    registry = image.partition("/")[0]
    if role_arn is None or parse_registry_host(registry, settings.registry_domain) is None:
        return None
    _, _, _, region, account, _ = task_arn.split(":", 5)
    session = last_of(task_arn)
    caller = Caller(
        account=account,
        region=region,
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{last_of(role_arn)}/{session}",
        user_id=session,
    )
    password, _ = issue_token(vault, caller, now=now)
    return USER, password
