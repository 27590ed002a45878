"""The one place that gives a task its secrets: everything its containers name, found and opened.

What a task got first it gets again, whoever changed a secret meanwhile: it is kept, sealed, until the task
has stopped. What cannot be had is said in the words a stopped task shows, which name what is missing and
never a value. All of it is read as the task's execution role, which needs the permissions for it (ECS
developer guide, "Amazon ECS task execution IAM role").
"""

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import msgspec

from bastide.api.authorization.resources.found import Found
from bastide.api.authorization.resources.stores import find_in_bucket, found_secret
from bastide.api.authorization.task_roles import assume_for_task, check_as
from bastide.api.failures import row_for
from bastide.api.iam.identities.uses import note_role_use
from bastide.api.operation import Caller, Document
from bastide.api.s3.buckets import BUCKET, OBJECT
from bastide.api.s3.files import ObjectFiles
from bastide.api.s3.objects import read_object
from bastide.api.secretsmanager import records as secret_records
from bastide.api.secretsmanager.versions import pick_version
from bastide.api.ssm import records as parameter_records
from bastide.api.ssm.names import parameter_arn
from bastide.api.task_environment.ecr_login import ecr_login, is_own_registry
from bastide.api.task_environment.files import parse_environment_file
from bastide.api.task_environment.references import (
    ParameterSource,
    SecretSource,
    parse_file_arn,
    parse_value_from,
)
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.arn import parse_arn
from bastide.model.assignment import Container
from bastide.model.faults import Denied, Fault, NotFound, Unavailable
from bastide.model.messages.framing import FRAME_MAX_BYTES
from bastide.model.task import execution_role_of
from bastide.model.task_definition import containers_of
from bastide.store import Record, Store, Txn
from bastide.store.tasks import live_task

# What execve(2) takes in all on Linux with the usual stack is 2 MiB, arguments included.
ENVIRONMENT_MAX_BYTES = 2 * 1024 * 1024
ANSWER_MAX_BYTES = FRAME_MAX_BYTES - 64 * 1024  # of all containers, as one frame takes them
_RETRIED = "service call has been retried 1 time(s)"
_PULL = "unable to pull secrets or registry auth: execution resource retrieval failed"
_ASM = f"{_PULL}: unable to retrieve secret from asm: {_RETRIED}"
_SSM = f"{_PULL}: unable to retrieve secrets from ssm: {_RETRIED}"
_FILES = "failed to download env files: file download command: non empty error stream"

Environments = dict[str, dict[str, str]]
GIVEN = "task-environment"  # kind of record


class Unresolved(Exception):
    """Something cannot be had; the text is what the stopped task will say after the error's name."""


class _Task(NamedTuple):
    """A task that asks."""

    arn: str
    scope: str
    containers: tuple[Container, ...]
    given: Record | None  # what it was given before
    execution_role: str | None


class _Pair(msgspec.Struct, frozen=True):
    """What the secret of `repositoryCredentials` holds (ECS developer guide, "Private registry")."""

    username: str
    password: str


class Resolver:
    """Reads what tasks of this installation name; used from one event loop."""

    def __init__(self, store: Store, settings: Settings, vault: Vault) -> None:
        self._store = store
        self._files = ObjectFiles(settings, vault)
        self._vault = vault
        self._settings = settings

    async def resolve(self, task_arn: str, *, host_id: str, now_s: float) -> Environments:
        """The whole environment of each container of a task on that host. Raises Unresolved, Unavailable."""
        task = await self._store.view(partial(_read_task, task_arn=task_arn, host_id=host_id))
        if task is None:
            raise Unresolved(f"{_PULL}: the task is not on this host")
        if task.given is not None:
            return self._open_given(task.given)
        if any(one.secrets or one.environment_files for one in task.containers):
            await self._note_use(task, datetime.fromtimestamp(now_s, UTC))
        environments = await self._read_environments(task, now_s)
        body = msgspec.json.encode(environments).decode()
        if len(body) > ANSWER_MAX_BYTES:
            raise Unresolved(f"{_PULL}: the environments of the task's containers are too large together")
        document = {"sealed": self._vault.seal_text(body, f"{GIVEN}/{task_arn}")}
        given = Record(GIVEN, task_arn, task.scope, document, parent=task_arn)
        return self._open_given(await self._store.update(partial(_keep_first, given=given)))

    async def resolve_credentials(
        self, task_arn: str, container: str, *, host_id: str, now: datetime
    ) -> tuple[str, str] | None:
        """Name and password of `repositoryCredentials`, else for our own ECR; None for other registries.

        Raises Unresolved, Unavailable.
        """
        task = await self._store.view(partial(_read_task, task_arn=task_arn, host_id=host_id))
        if task is None:
            raise Unresolved(f"{_PULL}: the task is not on this host")
        one = next((each for each in task.containers if each.name == container), None)
        if one is None:
            return None
        wanted = one.repository_credentials
        if wanted is None and not is_own_registry(self._settings, one.image):
            return None
        await self._note_use(task, now)
        if wanted is None:
            return await self._log_in(task, now)
        values = await self._read_texts((wanted,), task, now.timestamp())
        try:
            pair = msgspec.json.decode(values[wanted], type=_Pair)
        except (msgspec.MsgspecError, UnicodeError):
            why = f"the secret {wanted} is no JSON object with username and password"
            raise Unresolved(f"{_ASM}: {why}") from None
        return pair.username, pair.password

    async def _note_use(self, task: _Task, now: datetime) -> None:
        """Something is done as the task's execution role. Whether it can be had is told by what is done."""

        def note(txn: Txn) -> None:
            with contextlib.suppress(Denied):
                note_role_use(txn, _executing(txn, task, now), now)

        if task.execution_role is not None:
            await self._store.view_or_update(note)

    async def _log_in(self, task: _Task, now: datetime) -> tuple[str, str] | None:
        def log_in(txn: Txn) -> tuple[str, str]:
            return ecr_login(txn, self._vault, execution=_executing(txn, task, now), now=now)

        if task.execution_role is None:
            return None
        try:
            return await self._store.view(log_in)
        except Denied as denied:
            why = f"unable to retrieve ecr registry auth: {_RETRIED}: {_refusal(denied)}"
            raise Unresolved(f"{_PULL}: {why}") from denied

    def _open_given(self, given: Record) -> Environments:
        try:
            body = self._vault.open_text(given.document["sealed"], f"{GIVEN}/{given.key}")
        except Fault as fault:
            raise Unresolved(f"{_PULL}: {fault}") from fault
        return msgspec.json.decode(body, type=Environments)

    async def _read_environments(self, task: _Task, now_s: float) -> Environments:
        values = await self._read_values(task, now_s)
        environments: Environments = {}
        for container in task.containers:
            own = {
                **await self._read_files(container, task, now_s),
                **container.environment,
                **{secret.name: values[secret.value_from] for secret in container.secrets},
            }
            _check_environment(container, own)
            environments[container.name] = own
        return environments

    async def _read_values(self, task: _Task, now_s: float) -> dict[str, str]:
        """Every value that any container names, each read once, in one snapshot."""
        wanted = dict.fromkeys(secret.value_from for one in task.containers for secret in one.secrets)
        return await self._read_texts(wanted, task, now_s)

    async def _read_texts(self, wanted: Iterable[str], task: _Task, now_s: float) -> dict[str, str]:
        def read(txn: Txn) -> dict[str, Record | Fault]:
            return {text: _find(txn, text, task, now_s) for text in wanted}

        scope, found = task.scope, await self._store.view(read)
        _refuse_missing_parameters(found, scope)
        return {text: self._open(text, scope, one) for text, one in found.items()}

    def _open(self, text: str, scope: str, found: Record | Fault) -> str:
        source = parse_value_from(text, scope)
        if isinstance(source, ParameterSource):
            try:
                assert isinstance(found, Record)  # missing ones were told together
                return parameter_records.open_version(self._vault, found)
            except Fault as fault:
                raise Unresolved(f"{_in(source)}: {_told('ssm', fault)}") from fault
        try:
            if isinstance(found, Fault):
                raise found
            value = secret_records.open_version(self._vault, found)
        except Fault as fault:
            where = f"failed to fetch secret {source.arn} from secrets manager"
            raise Unresolved(f"{_ASM}: {where}: {_told('secretsmanager', fault)}") from fault
        return _picked(source, value)

    async def _read_files(self, container: Container, task: _Task, now_s: float) -> dict[str, str]:
        """The variables of a container's files; a name that an earlier file has keeps its value."""
        variables: dict[str, str] = {}
        for arn in container.environment_files:
            try:
                find = partial(_find_file, arn=arn, task=task, now_s=now_s)
                _, content = await read_object(self._store, self._files, find)
                read = await asyncio.to_thread(parse_environment_file, content)
            except Unavailable:
                raise
            except Fault as fault:
                raise Unresolved(f"{_FILES}: {arn}: {_told('s3', fault)}") from fault
            variables = read | variables
        return variables


def forget_environment(txn: Txn, task_arn: str) -> None:
    """The task has stopped: let go of what it was given."""
    given = txn.get(GIVEN, task_arn)
    if given is not None:
        txn.delete(given)


def _keep_first(txn: Txn, *, given: Record) -> Record:
    return txn.get(GIVEN, given.key) or txn.put(given)


def _read_task(txn: Txn, *, task_arn: str, host_id: str) -> _Task | None:
    record = live_task(txn, task_arn, host_id)
    if record is None:
        return None
    task = record.document["task"]
    definition = txn.get("task-definition", task["taskDefinitionArn"])
    if definition is None:
        return None
    containers = containers_of(definition.document["taskDefinition"], task)
    role = execution_role_of(task, definition.document["taskDefinition"])
    return _Task(task_arn, record.scope, containers, txn.get(GIVEN, task_arn), role)


def _executing(txn: Txn, task: _Task, now: datetime) -> Caller:
    """Whoever acts with the task's execution role; raises Denied."""
    return assume_for_task(txn, task.execution_role or "", task_arn=task.arn, now=now)


def _check(txn: Txn, task: _Task, action: str, found: Found, now_s: float) -> None:
    """Raise Denied unless the execution role may."""
    now = datetime.fromtimestamp(now_s, UTC)
    check_as(txn, _executing(txn, task, now), action, found, now=now)


def _find(txn: Txn, text: str, task: _Task, now_s: float) -> Record | Fault:
    """The version that is meant, still sealed, or why there is none; another account has none for us."""
    scope = task.scope
    source = parse_value_from(text, scope)
    if _account(source.scope) != _account(scope):
        return NotFound("secret", text)
    try:
        if isinstance(source, ParameterSource):
            _check(txn, task, "ssm:GetParameters", Found(_parameter_arn(source)), now_s)
            parameter = parameter_records.find_parameter(txn, source.scope, source.name)
            return parameter_records.find_version(txn, parameter, None)
        secret = secret_records.find_in(txn, source.scope, source.arn, now_s=now_s)
        found = Found(source.arn) if secret is None else found_secret(secret)
        _check(txn, task, "secretsmanager:GetSecretValue", found, now_s)
        if secret is None:
            return NotFound("secret", source.arn)
        secret_records.check_usable(secret)
        return pick_version(txn, secret, version_id=source.version_id, stage=source.stage)
    except Fault as fault:
        return fault


def _parameter_arn(source: ParameterSource) -> str:
    arn = parse_arn(source.name)
    name = source.name if arn is None else arn.resource.removeprefix("parameter/")
    return parameter_arn(source.scope, name)


def _account(scope: str) -> str:
    return scope.partition("/")[0]


def _find_file(txn: Txn, *, arn: str, task: _Task, now_s: float) -> Record:
    bucket, key = parse_file_arn(arn)
    _check(txn, task, "s3:GetObject", find_in_bucket(txn, bucket, key), now_s)
    held = txn.get(BUCKET, bucket)
    if held is None or held.parent != _account(task.scope):
        raise NotFound("bucket", bucket)
    record = txn.get(OBJECT, f"{bucket}/{key}")
    if record is None:
        raise NotFound("object", key)
    return record


def _refuse_missing_parameters(found: dict[str, Record | Fault], scope: str) -> None:
    """Parameters are asked for together, and those that are not there are named together."""
    missing = [(parse_value_from(text, scope), one) for text, one in found.items() if isinstance(one, Fault)]
    sources = []
    for source, fault in missing:
        if not isinstance(source, ParameterSource):
            continue
        if isinstance(fault, Denied):
            raise Unresolved(f"{_in(source)}: {_refusal(fault)}")
        sources.append(source)
    if sources:
        names = ",".join(source.name for source in sources)
        raise Unresolved(f"{_in(sources[0])}: invalid parameters: {names}")


def _in(source: ParameterSource) -> str:
    return f"{_SSM}: fetching secret data from SSM Parameter Store in {source.region}"


def _picked(source: SecretSource, value: Document) -> str:
    """The secret's text, or what its JSON has under the key."""
    text = value.get("SecretString")
    if text is None:
        raise Unresolved(f"{_ASM}: secret {source.arn} holds binary data, not text")
    if source.json_key is None:
        return str(text)
    try:
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        raise Unresolved(f"{_ASM}: retrieved secret from Secrets Manager is not a JSON object") from None
    if source.json_key not in members:
        why = f"retrieved secret from Secrets Manager did not contain json key {source.json_key}"
        raise Unresolved(f"{_ASM}: {why}")
    raw = bytes(members[source.json_key])
    return str(msgspec.json.decode(raw)) if raw.startswith(b'"') else raw.decode()


def _check_environment(container: Container, environment: dict[str, str]) -> None:
    """Raise Unresolved for what no process can be started with."""
    for name, value in environment.items():
        if "\0" in value:
            raise Unresolved(f"{_PULL}: the value of {name} holds a zero byte")
    if _size_of(environment.items()) > ENVIRONMENT_MAX_BYTES:
        why = f"the environment of container {container.name} is larger than {ENVIRONMENT_MAX_BYTES} bytes"
        raise Unresolved(f"{_PULL}: {why}")


def _size_of(variables: Iterable[tuple[str, str]]) -> int:
    return sum(len(f"{name}={value}".encode("utf-8", "surrogatepass")) + 1 for name, value in variables)


def _refusal(denied: Denied) -> str:
    """What a service says to a role that may not; ECS where the role cannot be had at all."""
    return denied.why if denied.noun == "role" else f"AccessDeniedException: {denied.why}"


def _told(service: str, fault: Fault) -> str:
    """A fault in the service's own words."""
    if isinstance(fault, Denied):
        return _refusal(fault)
    row = row_for(service, fault)
    return f"{row.code}: {row.message}" if row is not None else str(fault)
