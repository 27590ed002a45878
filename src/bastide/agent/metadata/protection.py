"""A task asks for, and sets, its own protection: `GET` and `PUT …/task-protection/v1/state`.

The server does it as the task's role, by the operations of ECS. Shapes and words are the ECS agent's.
"""

import asyncio
from weakref import WeakValueDictionary

import msgspec

from bastide.agent.asking.calls import Calls
from bastide.agent.metadata.answers import NOT_ALLOWED, render_json
from bastide.host.ports import Answered, Asked
from bastide.model.assignment import Assignment
from bastide.model.faults import Unavailable
from bastide.model.messages.task_calls import ProtectionAnswer, ProtectionRequest

INVALID = "InvalidParameterException"
NO_ROLE = "Invalid Request: no task IAM role credentials available for task"


class _Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="pascal"):
    """The body of a PUT."""

    protection_enabled: bool | None = None
    expires_in_minutes: int | None = None


class Protection:
    """Of every task here; used from the agent's event loop only."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def answer(self, spec: Assignment, asked: Asked) -> Answered:
        """What the task is told."""
        if asked.method not in ("GET", "PUT"):
            return NOT_ALLOWED
        request = ProtectionRequest(task_arn=spec.task_arn)
        if asked.method == "PUT":
            try:
                wanted = msgspec.json.decode(asked.body, type=_Wanted)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                return _error(400, spec, INVALID, "UpdateTaskProtection: failed to decode request")
            if wanted.protection_enabled is None:
                why = "Invalid request: does not contain 'ProtectionEnabled' field"
                return _error(400, spec, INVALID, why)
            request = ProtectionRequest(
                task_arn=spec.task_arn,
                enabled=wanted.protection_enabled,
                minutes=wanted.expires_in_minutes,
            )
        if spec.identity.role_arn is None:
            return _error(403, spec, "AccessDeniedException", NO_ROLE)
        try:
            async with self._locks.setdefault(spec.task_id, asyncio.Lock()):  # each has an answer of its own
                answered = await self._calls.ask(request)
        except Unavailable as unavailable:
            why = f"Timed out calling ECS Task Protection API: {unavailable}"
            return _error(504, spec, "RequestCanceled", why)
        assert isinstance(answered, ProtectionAnswer)
        return render_json(answered.status, answered.document)


def unknown_task() -> Answered:
    """The id in the path is nobody's."""
    why = "Failed to find a task for the request"
    return render_json(404, {"error": {"Arn": "", "Code": "ResourceNotFoundException", "Message": why}})


def _error(status: int, spec: Assignment, code: str, message: str) -> Answered:
    return render_json(status, {"error": {"Arn": spec.task_arn, "Code": code, "Message": message}})
