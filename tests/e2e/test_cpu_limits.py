"""A task gets the processor time of its size, and its containers divide that by their `cpu`."""

import asyncio
import time

import pytest

from bastide.host.cgroups import TaskCgroups
from bastide.host.ports import TaskCpu
from tests.installation import Installation, shell

pytestmark = [pytest.mark.real, pytest.mark.alone]

BURN = "while true; do n=$((n+1)); done"
SETTLING_S, MEASURED_S = 6.0, 10.0


def burning(name: str, threads: int, **fields: object) -> dict[str, object]:
    return shell(
        name, f"n=0; for i in {' '.join('x' * threads)}; do ({BURN}) & done; wait", log=False, **fields
    )


def read(bastide: Installation, task: str) -> TaskCpu:
    found = asyncio.run(TaskCgroups(bastide.instance).read_cpu(task.rsplit("/", 1)[-1]))
    assert found is not None
    return found


def test_a_quarter_of_a_processor_divided_by_weight(bastide: Installation) -> None:
    alone = bastide.register("quarter", burning("app", 4, stopTimeout=2))
    divided = bastide.register(
        "weights", burning("small", 2, cpu=64, stopTimeout=2), burning("large", 2, cpu=192, stopTimeout=2)
    )
    tasks = [*bastide.run_task(alone), *bastide.run_task(divided)]
    for task in tasks:
        bastide.wait(task, "RUNNING")
    time.sleep(SETTLING_S)
    began_at, before = time.monotonic(), [read(bastide, task) for task in tasks]
    time.sleep(MEASURED_S)
    after = [read(bastide, task) for task in tasks]
    elapsed_us = (time.monotonic() - began_at) * 1e6
    bastide.stop(*tasks)
    for then, now in zip(before, after, strict=True):
        assert (now.used_us - then.used_us) / elapsed_us == pytest.approx(0.25, rel=0.05)
    used = {name: us - before[1].containers[name] for name, us in after[1].containers.items()}
    assert 2.2 < used["large"] / used["small"] < 3.6, used
