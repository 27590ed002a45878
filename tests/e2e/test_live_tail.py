"""Story: what three tasks write is seen at once, each line within moments, by the aws program's live tail."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.installation import LOG_GROUP, PROGRAMS, Installation, shell

pytestmark = pytest.mark.real

TASKS = 3
SCRIPT = "i=0; while :; do echo tick $HOSTNAME $i; echo noise; i=$((i + 1)); sleep 0.3; done"


@pytest.fixture
def tasks(bastide: Installation) -> Iterator[list[str]]:
    definition = bastide.register("ticking", shell("app", SCRIPT, stopTimeout=2))
    made = bastide.run_task(definition, count=TASKS)
    for task in made:
        bastide.wait(task, "RUNNING")
    yield made
    bastide.stop(*made)


def test_three_tasks_are_followed_at_once(bastide: Installation, tasks: list[str]) -> None:
    (group,) = bastide.client("logs").describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]
    streams = [f"t/app/{task.rsplit('/', 1)[-1]}" for task in tasks]
    words = ["logs", "start-live-tail", "--log-group-identifiers", group["logGroupArn"]]
    words += ["--log-stream-names", *streams, "--log-event-filter-pattern", "tick"]
    environment = bastide.environment | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [PROGRAMS / "aws", *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as tail:
        assert tail.stdout is not None
        try:
            seen: dict[str, list[int]] = {}
            for line in tail.stdout:
                tick, host, number = line.split()
                assert tick == "tick"
                seen.setdefault(host, []).append(int(number))
                if len(seen) == TASKS and all(len(numbers) > 3 for numbers in seen.values()):
                    break
        finally:
            tail.terminate()
    assert len(seen) == TASKS
    for numbers in seen.values():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))  # none missed, none twice
