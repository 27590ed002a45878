"""What tasks ask their host's agent for and the server alone has: a session of their role, tags, protection.

A host is answered about its own tasks only, and about none that has STOPPED. Protection is asked and set as
the task's role, by the operations everybody else uses.
"""

from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from msgspec.structs import replace

from bastide.api.authorization.callers import policies_of
from bastide.api.authorization.decision import check_demand
from bastide.api.authorization.demands import demands
from bastide.api.authorization.task_roles import assume_for_task
from bastide.api.ecs.task_protection import get_task_protection, update_task_protection
from bastide.api.errors import JSON
from bastide.api.failures import denied_error, fault_error
from bastide.api.iam.identities.uses import note_role_use
from bastide.api.operation import Caller, Context, Document, Params
from bastide.api.sts.sessions import credentials, new_session
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.faults import Denied, Fault, NotFound, Unavailable
from bastide.model.messages.task_calls import (
    ProtectionAnswer,
    ProtectionRequest,
    RoleAnswer,
    RoleRequest,
    TagsAnswer,
    TagsRequest,
    TaskAnswer,
    TaskRequest,
)
from bastide.model.task import role_of
from bastide.store import Record, Store, Txn
from bastide.store.tasks import live_task

SESSION_S = 6 * 3600  # of a task role's keys on Fargate
NO_ROLE = "Invalid Request: no task IAM role credentials available for task"


class TaskCalls:
    """Answers for the tasks of one installation; used from one event loop."""

    def __init__(self, store: Store, settings: Settings, vault: Vault) -> None:
        self._store = store
        self._settings = settings
        self._vault = vault

    async def answer(self, asked: TaskRequest, *, host_id: str, now: datetime) -> TaskAnswer:
        """What the agent is told. Raises Unavailable."""
        if isinstance(asked, RoleRequest):
            return await self._store.view(partial(self._assume, asked=asked, host_id=host_id, now=now))
        if isinstance(asked, TagsRequest):
            return await self._store.view(partial(_read_tags, asked=asked, host_id=host_id))
        return await self._protect(asked, host_id, now)

    def _assume(self, txn: Txn, asked: RoleRequest, host_id: str, now: datetime) -> RoleAnswer:
        try:
            record, role = _find_role(txn, asked.task_arn, host_id)
            caller = assume_for_task(txn, role, task_arn=record.key, now=now)
        except (Denied, NotFound) as fault:
            return RoleAnswer(task_arn=asked.task_arn, error=fault.why or str(fault))
        session = new_session(self._context(caller, now), caller, entity=caller.entity, seconds=SESSION_S)
        given = credentials(self._vault, session)
        return RoleAnswer(
            task_arn=asked.task_arn,
            role_arn=role,
            access_key_id=given["AccessKeyId"],
            secret_access_key=given["SecretAccessKey"],
            token=given["SessionToken"],
            expires_at=session.expires_at.astimezone(UTC),
        )

    async def _protect(self, asked: ProtectionRequest, host_id: str, now: datetime) -> ProtectionAnswer:
        request_id = str(uuid4())
        call = partial(self._call, asked=asked, host_id=host_id, now=now, request_id=request_id)
        try:
            done = await self._store.view_or_update(call)
        except Unavailable:
            raise
        except Fault as fault:
            return _refused(asked, fault, request_id)
        return ProtectionAnswer(task_arn=asked.task_arn, status=200, document=_shown(done))

    def _call(
        self, txn: Txn, asked: ProtectionRequest, host_id: str, now: datetime, request_id: str
    ) -> Document:
        record, role = _find_role(txn, asked.task_arn, host_id)
        caller = assume_for_task(txn, role, task_arn=record.key, now=now)
        note_role_use(txn, caller, now)
        ctx = replace(self._context(caller, now), request_id=request_id)
        params: Params = {"cluster": record.parent, "tasks": [record.key]}
        operation, run = "GetTaskProtection", get_task_protection
        if asked.enabled is not None:
            operation, run = "UpdateTaskProtection", update_task_protection
            params["protectionEnabled"] = asked.enabled
            if asked.minutes is not None:
                params["expiresInMinutes"] = asked.minutes
        policies = policies_of(txn, caller)
        for demand in demands(txn, ctx, "ecs", operation, params):
            check_demand(demand, policies)
        return run(txn, ctx, params)

    def _context(self, caller: Caller, now: datetime) -> Context:
        return Context(caller=caller, now=now, request_id="", settings=self._settings, vault=self._vault)


def _find_task(txn: Txn, task_arn: str, host_id: str) -> Record:
    record = live_task(txn, task_arn, host_id)
    if record is None:
        raise NotFound("task", task_arn, why="the task is not on this host")
    return record


def _find_role(txn: Txn, task_arn: str, host_id: str) -> tuple[Record, str]:
    """The task and its role's ARN; Denied for a task that has none."""
    record = _find_task(txn, task_arn, host_id)
    task = record.document["task"]
    definition = txn.get("task-definition", task["taskDefinitionArn"])
    role = role_of(task, definition.document["taskDefinition"]) if definition else None
    if role is None:
        raise Denied("role", why=NO_ROLE)
    return record, role


def _read_tags(txn: Txn, asked: TagsRequest, host_id: str) -> TagsAnswer:
    try:
        record = _find_task(txn, asked.task_arn, host_id)
    except NotFound as fault:
        return TagsAnswer(task_arn=asked.task_arn, error=fault.why)
    tags = {tag["key"]: tag.get("value", "") for tag in record.document.get("tags", ())}
    return TagsAnswer(task_arn=asked.task_arn, tags=tags)


def _shown(answer: Document) -> Document:
    """The operation's answer about one task, as the ECS agent hands it on."""
    if answer["failures"]:
        failure = answer["failures"][0]
        return {"failure": {name.capitalize(): value for name, value in failure.items()}}
    found = answer["protectedTasks"][0]
    shown: Document = {"ProtectionEnabled": found["protectionEnabled"], "TaskArn": found["taskArn"]}
    if found["expirationDate"] is not None:
        until = datetime.fromtimestamp(found["expirationDate"], UTC)
        shown["ExpirationDate"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"protection": shown}


def _refused(asked: ProtectionRequest, fault: Fault, request_id: str) -> ProtectionAnswer:
    """The error of the operation; 403 without a role, as the ECS agent has it."""
    error = denied_error(JSON, fault) if isinstance(fault, Denied) else fault_error("ecs", JSON, fault)
    code, message = ("ServerException", str(fault)) if error is None else (error.code, error.message)
    status = 403 if isinstance(fault, Denied) and fault.noun == "role" else 400
    told = {"Arn": asked.task_arn, "Code": code, "Message": message}
    document = {"requestID": request_id, "error": told}
    return ProtectionAnswer(task_arn=asked.task_arn, status=status, document=document)
