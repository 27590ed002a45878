"""A task gets secrets, parameters and files; nobody else does, and rotation reaches the next one."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, shell, until

pytestmark = pytest.mark.real

PASSWORD, KEY, TOKEN = ("correct-horse-battery", "staple-of-parameters", "token-in-a-file")
VALUES = (PASSWORD, KEY, TOKEN)
PRINT = (
    'for n in WHOLE PASSWORD KEY TOKEN PLAIN; do eval v=\\$$n; echo $n $(printf %s "$v" | sha256sum); done'
)


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


@pytest.fixture(scope="module")
def definition(bastide: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A task definition that names one of each, made as a user does."""
    arn = bastide.aws(
        *("secretsmanager", "create-secret", "--name", "prod/db"),
        *("--secret-string", f'{{"password":"{PASSWORD}"}}'),
    )["ARN"]
    put = ("ssm", "put-parameter", "--type", "SecureString", "--name", "/prod/key", "--value", KEY)
    bastide.aws(*put)
    file = tmp_path_factory.mktemp("files") / "app.env"
    file.write_text(f"# of the app\nTOKEN={TOKEN}\nPLAIN=from the file\n")
    bastide.aws_text("s3", "mb", "s3://the-files")
    bastide.aws_text("s3", "cp", str(file), "s3://the-files/app.env")
    container = shell(
        "app",
        f"{PRINT}; echo end; exec sleep 1000",
        secrets=[
            {"name": "WHOLE", "valueFrom": arn},
            {"name": "PASSWORD", "valueFrom": f"{arn}:password::"},
            {"name": "KEY", "valueFrom": "/prod/key"},
        ],
        environment=[{"name": "PLAIN", "value": "plain"}],
        environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::the-files/app.env"}],
        stopTimeout=2,
    )
    return bastide.register("secretive", container)


@pytest.fixture(scope="module")
def running(bastide: Installation, definition: str) -> Iterator[str]:
    """A task of it that has printed the digests of what it got."""
    task = bastide.run_task(definition)[0]
    bastide.wait(task, "RUNNING")
    until(lambda: "end" in printed(bastide, task))
    yield task
    bastide.stop(task)


def printed(bastide: Installation, task: str) -> list[str]:
    return bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}")


def digests(bastide: Installation, task: str) -> dict[str, str]:
    words = [line.split() for line in printed(bastide, task)]
    return {line[0]: line[1] for line in words if len(line) > 1}


def test_the_task_gets_every_value(bastide: Installation, running: str) -> None:
    assert digests(bastide, running) == {
        "WHOLE": digest(f'{{"password":"{PASSWORD}"}}'),
        "PASSWORD": digest(PASSWORD),
        "KEY": digest(KEY),
        "TOKEN": digest(TOKEN),
        "PLAIN": digest("plain"),
    }


def test_no_value_is_shown_or_written_down(bastide: Installation, running: str) -> None:
    described: list[Any] = [
        bastide.describe(running),
        bastide.aws("ecs", "describe-task-definition", "--task-definition", "secretive"),
        bastide.aws("secretsmanager", "describe-secret", "--secret-id", "prod/db"),
        bastide.aws("secretsmanager", "list-secrets"),
        bastide.aws("ssm", "describe-parameters"),
        bastide.aws("ssm", "get-parameter", "--name", "/prod/key"),
    ]
    for value in VALUES:
        assert value not in str(described)
        assert files_with(bastide.folder / "data" / bastide.instance / "server", value) == []
        assert files_with(bastide.folder / "data" / bastide.instance / "agent" / "tasks", value) == []
        assert files_with(bastide.folder / "data" / bastide.instance / "log", value) == []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            assert value.encode() not in read(path), path
    assert any(path.name == "store.db" for path in (bastide.folder / "data").rglob("store.db"))


def test_what_containerd_and_the_sandbox_hold_only_root_can_read(bastide: Installation, running: str) -> None:
    holding = [
        path
        for root in (
            bastide.folder / "data" / bastide.instance,
            bastide.folder / "run",
            Path("/run/containerd"),
        )
        for path in files_with(root, PASSWORD)
    ]
    assert holding
    assert [path for path in holding if is_open_to_others(path)] == []


def test_rotation_is_invisible_to_the_task_and_seen_by_the_next(
    bastide: Installation, definition: str, running: str
) -> None:
    before = digests(bastide, running)
    bastide.aws(
        *("secretsmanager", "put-secret-value", "--secret-id", "prod/db"),
        *("--secret-string", '{"password":"rotated"}'),
    )
    assert digests(bastide, running) == before
    after = bastide.run_task(definition)[0]
    bastide.wait(after, "RUNNING")
    until(lambda: "end" in printed(bastide, after))
    assert digests(bastide, after)["PASSWORD"] == digest("rotated")
    bastide.stop(after)


def files_with(root: Path, value: str) -> list[Path]:
    """Regular files below, but for the containers' own disks."""
    return [
        path
        for path in root.rglob("*")
        if "disks" not in path.parts
        and path.is_file()
        and not path.is_symlink()
        and value.encode() in read(path)
    ]


def is_open_to_others(path: Path) -> bool:
    """Whether somebody who is not root gets to the file and may read it."""
    above = all(folder.stat().st_mode & 0o011 for folder in path.parents)
    return above and bool(path.stat().st_mode & 0o044)


def read(path: Path) -> bytes:
    """A file that may be gone by now."""
    try:
        return path.read_bytes() if path.stat().st_size < 64 << 20 else b""
    except OSError:
        return b""
