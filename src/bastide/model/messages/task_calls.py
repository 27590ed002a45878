"""What the agent asks the server for when a task asks at its endpoint for what the server alone knows.

One answer a question, known by its kind and the task's ARN. What is in an answer is kept in memory only.
"""

from datetime import datetime
from typing import Any

import msgspec


class RoleRequest(msgspec.Struct, frozen=True, tag="role-request"):
    """Credentials of the task's role."""

    task_arn: str


class RoleAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="role-answer"):
    """A session of the role, or why there is none. Shown nowhere."""

    task_arn: str
    role_arn: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    token: str = ""
    expires_at: datetime | None = None
    error: str | None = None

    def __repr__(self) -> str:
        return f"RoleAnswer({self.task_arn!r})"


class TagsRequest(msgspec.Struct, frozen=True, tag="tags-request"):
    """The task's tags, as they are now."""

    task_arn: str


class TagsAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="tags-answer"):
    """All of them."""

    task_arn: str
    tags: dict[str, str] = {}
    error: str | None = None


class ProtectionRequest(msgspec.Struct, frozen=True, kw_only=True, tag="protection-request"):
    """GetTaskProtection or, where it says so, UpdateTaskProtection of the task, as its role."""

    task_arn: str
    enabled: bool | None = None  # None: it is only asked
    minutes: int | None = None


class ProtectionAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="protection-answer"):
    """What the ECS agent answers, and its HTTP status."""

    task_arn: str
    status: int
    document: dict[str, Any]
    error: str | None = None


TaskRequest = RoleRequest | TagsRequest | ProtectionRequest
TaskAnswer = RoleAnswer | TagsAnswer | ProtectionAnswer
