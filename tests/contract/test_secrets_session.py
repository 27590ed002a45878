"""What an agent is told of a task's secrets: values to the host that has the task, reasons without values."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bastide.model.assignment import Report
from bastide.model.frames import Assign, Release, Reported, SecretsAnswer, SecretsRequest
from bastide.model.status import TaskStatus
from bastide.store import Store
from tests.account import container
from tests.session import Agent, Server, hello

ASM = "unable to retrieve secret from asm: service call has been retried 1 time(s): "
SSM = "unable to retrieve secrets from ssm: service call has been retried 1 time(s): "
PULL = "unable to pull secrets or registry auth: execution resource retrieval failed: "
FILES = "failed to download env files: file download command: non empty error stream: "


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    made = Server(tmp_path, store)
    await made.start()
    yield made
    await made.stop()
    await store.close()


async def secret(server: Server, name: str, value: str, **params: Any) -> str:
    made = await server.account.call(
        "CreateSecret", service="secretsmanager", Name=name, SecretString=value, **params
    )
    return str(made["ARN"])


async def put_file(server: Server, key: str, body: bytes) -> dict[str, str]:
    account = server.account
    await account.call("CreateBucket", service="s3", Bucket="the-bucket")
    await account.call("PutObject", service="s3", Bucket="the-bucket", Key=key, Body=body)
    return {"type": "s3", "value": f"arn:aws:s3:::the-bucket/{key}"}


async def told(server: Server, agent: Agent, *, overrides: Any = None, **members: Any) -> SecretsAnswer:
    """The answer about a task with one container of these members."""
    await server.account.register(containerDefinitions=[container(**members)])
    await server.account.run(overrides=overrides)
    assignment = (await agent.read(Assign)).assignment
    agent.send(SecretsRequest(assignment.task_arn))
    answer = await agent.read(SecretsAnswer)
    assert answer.task_arn == assignment.task_arn
    return answer


def of(**variables: str) -> list[dict[str, str]]:
    return [{"name": name, "valueFrom": value_from} for name, value_from in variables.items()]


async def test_every_form_of_value_from_gives_its_value(server: Server) -> None:
    arn = await secret(server, "db", '{"user": "ann", "port": 5432, "deep": {"a": [1]}}')
    put = {"service": "secretsmanager", "SecretId": "db", "SecretString": '{"user": "bob"}'}
    second = await server.account.call("PutSecretValue", **put)
    for kind, name in (("String", "plain"), ("SecureString", "/prod/key")):
        await server.account.call("PutParameter", service="ssm", Name=name, Type=kind, Value=f"of {name}")
    async with server.connected() as agent:
        await agent.start(hello())
        answer = await told(
            server,
            agent,
            environment=[{"name": "PLAIN", "value": "x"}],
            secrets=of(
                WHOLE=arn,
                KEY=f"{arn}:user::",
                OLD=f"{arn}:user:AWSPREVIOUS:",
                NUMBER=f"{arn}:port:AWSPREVIOUS:",
                DEEP=f"{arn}:deep:AWSPREVIOUS:",
                BY_ID=f"{arn}:::{second['VersionId']}",
                NAME="plain",
                PATH_="/prod/key",
                ARN="arn:aws:ssm:us-east-1:000000000000:parameter/prod/key",
            ),
        )
    assert answer.error is None
    assert answer.environments == {
        "app": {
            "PLAIN": "x",
            "WHOLE": '{"user": "bob"}',
            "KEY": "bob",
            "OLD": "ann",
            "NUMBER": "5432",
            "DEEP": '{"a": [1]}',
            "BY_ID": '{"user": "bob"}',
            "NAME": "of plain",
            "PATH_": "of /prod/key",
            "ARN": "of /prod/key",
        }
    }


async def test_environment_beats_files_and_the_first_file_the_second(server: Server) -> None:
    first = await put_file(server, "first.env", b"A=first\nB=first\nC=first\n")
    second = await put_file(server, "second.env", b"B=second\nC=second\nD=second\n")
    async with server.connected() as agent:
        await agent.start(hello())
        answer = await told(
            server,
            agent,
            environment=[{"name": "A", "value": "plain"}],
            environmentFiles=[first, second],
        )
        assert answer.environments == {"app": {"A": "plain", "B": "first", "C": "first", "D": "second"}}
        overrides = {"containerOverrides": [{"name": "app", "environmentFiles": [second]}]}
        answer = await told(server, agent, overrides=overrides, environmentFiles=[first])
        assert answer.environments == {"app": {"B": "second", "C": "second", "D": "second"}}


@pytest.mark.parametrize(
    ("value_from", "error"),
    [
        (
            "{arn}-gone",
            PULL + ASM + "failed to fetch secret {arn}-gone from secrets manager: "
            "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        ),
        (
            "{arn}::NONE:",
            PULL + ASM + "failed to fetch secret {arn} from secrets manager: ResourceNotFoundException: "
            "Secrets Manager can't find the specified secret value for staging label: NONE",
        ),
        ("{arn}:user::", PULL + ASM + "retrieved secret from Secrets Manager did not contain json key user"),
        ("{text}:user::", PULL + ASM + "retrieved secret from Secrets Manager is not a JSON object"),
        ("{binary}", PULL + ASM + "secret {binary} holds binary data, not text"),
        (
            "/no/such",
            PULL + SSM + "fetching secret data from SSM Parameter Store in us-east-1: "
            "invalid parameters: /no/such",
        ),
    ],
)
async def test_what_cannot_be_had_is_named_in_the_words_of_a_stopped_task(
    server: Server, value_from: str, error: str
) -> None:
    names = {
        "arn": await secret(server, "db", '{"password": "hunter2"}'),
        "text": await secret(server, "text", "hunter2"),
    }
    made = await server.account.call(
        "CreateSecret", service="secretsmanager", Name="binary", SecretBinary=b"hunter2"
    )
    names["binary"] = made["ARN"]
    async with server.connected() as agent:
        await agent.start(hello())
        answer = await told(server, agent, secrets=of(S=value_from.format(**names)))
    assert answer.environments == {}
    assert answer.error == error.format(**names)
    assert "hunter2" not in answer.error


async def test_a_secret_that_waits_for_its_deletion_is_not_given(server: Server) -> None:
    arn = await secret(server, "db", "x")
    await server.account.call("DeleteSecret", service="secretsmanager", SecretId=arn)
    async with server.connected() as agent:
        await agent.start(hello())
        answer = await told(server, agent, secrets=of(S=arn))
    assert answer.error is not None
    assert answer.error.endswith(
        "InvalidRequestException: You can't perform this operation on the secret because it was marked for "
        "deletion."
    )


async def test_files_that_cannot_be_had(server: Server) -> None:
    good = await put_file(server, "good.env", b"A=1")
    latin = await put_file(server, "latin.env", b"A=\xff")
    start = good["value"].rpartition("/")[0]
    async with server.connected() as agent:
        await agent.start(hello())
        for value, error in (
            (f"{start}/no.env", "NoSuchKey: The specified key does not exist."),
            ("arn:aws:s3:::no-bucket/no.env", "NoSuchBucket: The specified bucket does not exist"),
            (latin["value"], "the file is not UTF-8"),
        ):
            answer = await told(server, agent, environmentFiles=[good, {"type": "s3", "value": value}])
            assert answer.error == f"{FILES}{value}: {error}"


async def test_a_file_whose_content_is_gone_is_one_tasks_trouble(server: Server) -> None:
    file = await put_file(server, "app.env", b"A=1")
    for path in (server.settings.server_folder / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    async with server.connected() as agent:
        await agent.start(hello())
        answer = await told(server, agent, environmentFiles=[file])
        assert answer.error == f"{FILES}{file['value']}: InternalError: The object's content is gone."
        assert await agent.is_silent()  # and the session stands


async def test_a_secret_of_another_account_is_not_found(server: Server) -> None:
    arn = (await secret(server, "db", "hunter2")).replace("000000000000", "999900009999")

    def move(txn: Any) -> None:
        [record] = txn.find("secret")
        txn.put(replace(record, key=arn, scope="999900009999/us-east-1", version=0))

    await server.store.update(move)
    async with server.connected() as agent:
        await agent.start(hello())
        answer = await told(server, agent, secrets=of(S=arn))
    assert answer.error is not None
    assert answer.error.endswith("Secrets Manager can't find the specified secret.")


async def test_environments_too_large_for_one_answer_are_refused(server: Server) -> None:
    arn = await secret(server, "control", "\x01" * 65000)
    many = of(**{f"V{number}": arn for number in range(30)})
    containers = [container(name=f"c{number}", secrets=many) for number in range(2)]
    async with server.connected() as agent:
        await agent.start(hello())
        await server.account.register(containerDefinitions=containers)
        await server.account.run()
        agent.send(SecretsRequest((await agent.read(Assign)).assignment.task_arn))
        answer = await agent.read(SecretsAnswer)
        assert answer.error == f"{PULL}the environments of the task's containers are too large together"


async def test_values_no_process_can_have_are_refused(server: Server) -> None:
    await server.account.call(
        "PutParameter", service="ssm", Name="zero", Type="String", Value="before\0after"
    )
    arn = await secret(server, "large", "x" * 65536)
    many = of(**{f"V{number}": arn for number in range(40)})
    async with server.connected() as agent:
        await agent.start(hello())
        answer = await told(server, agent, secrets=of(Z="zero"))
        assert answer.error == f"{PULL}the value of Z holds a zero byte"
        answer = await told(server, agent, secrets=many)
        assert answer.error == f"{PULL}the environment of container app is larger than 2097152 bytes"


async def test_another_host_is_told_nothing(server: Server) -> None:
    arn = await secret(server, "db", "hunter2")
    async with server.connected() as agent, server.connected() as other:
        await agent.start(hello())
        await told(server, agent, secrets=of(S=arn))
        task = (await server.account.call("ListTasks"))["taskArns"][0]
        await other.start(hello("host-2"))
        for wrong in (task, f"{task[:-32]}{'0' * 32}"):
            other.send(SecretsRequest(wrong))
            answer = await other.read(SecretsAnswer)
            assert (answer.environments, answer.error) == ({}, f"{PULL}the task is not on this host")


async def test_a_value_of_a_lost_key_is_said_so(server: Server) -> None:
    arn = await secret(server, "db", "hunter2")

    def spoil(txn: Any) -> None:
        [version] = txn.find("secret-version")
        sealed = version.document["sealed"]
        txn.put(version.changed(document={**version.document, "sealed": "AQAA" + sealed[4:]}))

    await server.store.update(spoil)
    async with server.connected() as agent:
        await agent.start(hello())
        answer = await told(server, agent, secrets=of(S=arn))
    assert answer.error is not None
    assert "DecryptionFailure: The value was sealed with another key" in answer.error


def test_an_answer_shows_no_value() -> None:
    answer = SecretsAnswer(task_arn="t", environments={"app": {"A": "hunter2"}})
    assert "hunter2" not in repr(answer)


async def test_what_a_task_got_it_gets_again_until_it_has_stopped(server: Server) -> None:
    arn = await secret(server, "db", "of the start")
    file = await put_file(server, "app.env", b"FILE=of the start")
    async with server.connected() as agent:
        await agent.start(hello())
        first = await told(server, agent, secrets=of(S=arn), environmentFiles=[file])
        assert first.environments == {"app": {"S": "of the start", "FILE": "of the start"}}
        await server.account.call(
            "PutSecretValue", service="secretsmanager", SecretId="db", SecretString="newer"
        )
        await server.account.call("DeleteObject", service="s3", Bucket="the-bucket", Key="app.env")
        agent.send(SecretsRequest(first.task_arn))
        assert await agent.read(SecretsAnswer) == first
        held = await server.account.record("task-environment", first.task_arn)
        assert "of the start" not in str(held.document)
        agent.send(Reported(Report(task_arn=first.task_arn, last_status=TaskStatus.STOPPED)))
        await server.until_task(first.task_arn, lastStatus="STOPPED")
        assert await server.store.view(lambda txn: txn.count("task-environment")) == 0
        assert isinstance(await agent.read(Release), Release)
        file = await put_file(server, "app.env", b"FILE=newer")
        second = await told(server, agent, secrets=of(S=arn), environmentFiles=[file])
        assert second.environments == {"app": {"S": "newer", "FILE": "newer"}}
