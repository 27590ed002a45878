"""How a task's host is let into the installation's own ECR: by the task's execution role, as on AWS."""

from datetime import datetime

from bastide.api.authorization.resources import Found
from bastide.api.authorization.task_roles import check_as
from bastide.api.distribution.access import USER, issue_token
from bastide.api.operation import Caller
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.registry.host_name import parse_registry_host
from bastide.permissions import ANYTHING
from bastide.store import Txn

GET_TOKEN = "ecr:GetAuthorizationToken"


def is_own_registry(settings: Settings, image: str) -> bool:
    """Whether an image is in a registry of this installation."""
    return parse_registry_host(image.partition("/")[0], settings.registry_domain) is not None


def ecr_login(txn: Txn, vault: Vault, *, execution: Caller, now: datetime) -> tuple[str, str]:
    """User and password of whoever acts with the execution role; raises Denied where it may not log in.

    What it may pull is asked by the registry.
    """
    check_as(txn, execution, GET_TOKEN, Found(ANYTHING), now=now)
    password, _ = issue_token(vault, execution, now=now)
    return USER, password
