"""The credentials of task roles: a session each, kept in memory, renewed long before it ends.

The server makes them and is asked again when the rest of a session gets short; while it is away a task goes
on with what there is. Nothing of it is in a folder, a log or a report.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bastide.agent.asking.calls import Calls
from bastide.agent.metadata.answers import render_json
from bastide.host.ports import Answered
from bastide.model.assignment import Assignment
from bastide.model.faults import Fault, Invalid
from bastide.model.messages.task_calls import RoleAnswer, RoleRequest
from bastide.model.task_state import TaskState
from bastide.plan.metadata.containers import render_time

RENEW = timedelta(hours=1)  # SDKs ask again when a quarter of an hour is left, and are to get more
_TO = "CredentialsV2Request"  # the ECS agent's name for the request, in each of its messages


class RoleCredentials:
    """Of every task here that has a role; used from the agent's event loop only."""

    def __init__(self, calls: Calls, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._calls = calls
        self._now = now
        self._held: dict[str, RoleAnswer] = {}

    async def prepare(self, spec: Assignment) -> None:
        """Have them before the containers start; Invalid where the role cannot be had, Unavailable."""
        if spec.identity.role_arn is not None:
            await self._get(spec)

    async def answer(self, spec: Assignment, state: TaskState, credentials_id: str) -> Answered:
        """What the task is told that asks by the id."""
        if not credentials_id:
            return _error(400, "NoIdInRequest", f"{_TO}: No ID in the request")
        if credentials_id != state.credentials_id:
            return _error(404, "InvalidIdInRequest", f"{_TO}: Credentials not found")
        try:
            held = await self._get(spec)
        except Fault as fault:
            why = f"{_TO}: Credentials uninitialized for ID: {fault}"
            return _error(503, "CredentialsUninitialized", why)
        return render_json(
            200,
            {
                "RoleArn": held.role_arn,
                "AccessKeyId": held.access_key_id,
                "SecretAccessKey": held.secret_access_key,
                "Token": held.token,
                "Expiration": render_time(held.expires_at),
            },
        )

    def forget(self, task_id: str) -> None:
        """The task is gone. Repeatable."""
        self._held.pop(task_id, None)

    async def _get(self, spec: Assignment) -> RoleAnswer:
        """A session that lasts a while; what there is left of the last one where no other can be had."""
        held = self._held.get(spec.task_id)
        left = _left(held, self._now())
        if held is not None and left > RENEW:
            return held
        try:
            fresh = await self._calls.ask(RoleRequest(spec.task_arn))
            assert isinstance(fresh, RoleAnswer)
            if fresh.error is not None:
                raise Invalid("role", why=fresh.error)
        except Fault:
            if held is not None and left > timedelta(0):
                return held
            raise
        self._held[spec.task_id] = fresh
        return fresh


def _left(held: RoleAnswer | None, now: datetime) -> timedelta:
    return timedelta(0) if held is None or held.expires_at is None else held.expires_at - now


def _error(status: int, code: str, message: str) -> Answered:
    return render_json(status, {"code": code, "message": message, "HTTPErrorCode": status})
