"""100 MiB of a program's output by ECS Exec, through the unmodified plugin, beside a terminal of the host's.

The bytes are random and the program tells their digest beforehand: a round in which one is lost, doubled or
out of place ends the benchmark. The cost is what the processes on the way use for one such round: processor
time, and the most memory at any moment above what they had before.
"""

import hashlib
import json
import os
import pty
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

import msgspec
from installing.development import find_program

from benchmarks.figures import Figure, figure, ratio
from benchmarks.processes import read_cpu_s, read_memory
from tests import roles
from tests.installation import Installation, shell

MIB = 1024 * 1024
SIZE = 100 * MIB
BEGIN = b"<begin>"
FILE = "/var/tmp/bastide-flood"
SCRIPT = (
    f"mkdir -p /var/tmp; head -c {SIZE} /dev/urandom >{FILE}; md5sum {FILE}; stty raw; "
    f"printf '%s' '<beg''in>'; cat {FILE}; rm {FILE}"
)
PROCESSES = ("server", "agent")
LOOK_EVERY_S = 0.05
READ_BYTES = 1 << 20
ROLE = f"arn:aws:iam::000000000000:role/{roles.TASK}"


class Round(msgspec.Struct, frozen=True):
    """One time all of it: how fast, and what it cost by process."""

    mib_s: float
    cpu_s: tuple[float, ...] = ()
    memory_mib: tuple[float, ...] = ()


def measure_exec(installation: Installation, *, rounds: int) -> list[Figure]:
    """Through the plugin and on the host's own terminal, in turn."""
    plugin = find_program("session-manager-plugin")
    installation.make_role(roles.TASK)
    definition = installation.register(
        "bench-exec", shell("app", "exec sleep 86400", log=False), taskRoleArn=ROLE, cpu="1024", memory="2048"
    )
    task = installation.run_task(definition, enableExecuteCommand=True)[0]
    installation.wait(task, "RUNNING")
    pids = [installation.pid(name) for name in PROCESSES]
    ours, host = [], []
    for _ in range(rounds):
        host.append(_measure(("sh", "-c", SCRIPT), os.environ))
        ours.append(_measure(_plugin_words(installation, task, str(plugin)), installation.environment, pids))
    installation.stop(task)
    by_exec = figure("100 MiB by ECS Exec, through the plugin", "MiB/s", [each.mib_s for each in ours])
    by_host = figure("the same on a terminal of the host's", "MiB/s", [each.mib_s for each in host])
    figures = [by_exec, by_host, ratio("ECS Exec over the host's terminal", by_exec, by_host)]
    for number, name in enumerate(PROCESSES):
        cpu = [each.cpu_s[number] for each in ours]
        memory = [each.memory_mib[number] for each in ours]
        figures.append(figure(f"100 MiB by ECS Exec: processor time of the {name}", "s", cpu))
        figures.append(figure(f"100 MiB by ECS Exec: memory of the {name}, above before", "MiB", memory))
    return figures


def _plugin_words(installation: Installation, task: str, plugin: str) -> Sequence[str]:
    answer = installation.client("ecs").execute_command(
        task=task, container="app", command=f'sh -c "{SCRIPT}"', interactive=True
    )
    session, region = json.dumps(answer["session"]), installation.environment["AWS_REGION"]
    target, endpoint = json.dumps({"Target": "ecs:default_0_0"}), installation.environment["AWS_ENDPOINT_URL"]
    return (plugin, session, region, "StartSession", "", target, endpoint)


def _measure(words: Sequence[str], environment: Mapping[str, str], watched: Sequence[int] = ()) -> Round:
    """Run it with a terminal to type at, and take what it writes as fast as it comes.

    The host's own has to write to a terminal too: that is where its speed ends.
    """
    master, slave = pty.openpty()
    pipe_out, pipe_in = os.pipe() if watched else (master, slave)
    process = subprocess.Popen(
        words, env=dict(environment), stdin=slave, stdout=pipe_in, start_new_session=True
    )
    os.close(slave)
    if watched:
        os.close(pipe_in)
    try:
        return _read(pipe_out, watched)
    finally:
        process.kill()
        process.wait()
        os.close(master)
        if watched:
            os.close(pipe_out)


def _read(source: int, watched: Sequence[int]) -> Round:
    seen = b""
    while BEGIN not in seen:
        seen += os.read(source, READ_BYTES)
    head, _, data = seen.partition(BEGIN)
    told = re.search(rb"([0-9a-f]{32}) ", head)
    assert told is not None, head
    with _Watch(watched) as watch:
        began_s, digest, left = time.perf_counter(), hashlib.md5(data), SIZE - len(data)
        while left > 0:
            data = os.read(source, min(left, READ_BYTES))
            digest.update(data)
            left -= len(data)
        took_s = time.perf_counter() - began_s
    assert digest.hexdigest().encode() == told[1], "what came is not what was sent"
    return Round(SIZE / MIB / took_s, tuple(watch.cpu_s), tuple(watch.memory_mib))


class _Watch:
    """What processes use meanwhile."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._is_over = threading.Event()
        self._looking = threading.Thread(target=self._look)

    def __enter__(self) -> "_Watch":
        self._cpu_s = [read_cpu_s(pid) for pid in self._pids]
        self._before_mib = [read_memory(pid).all_mib for pid in self._pids]
        self.memory_mib = [0.0 for _ in self._pids]
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu_s = [read_cpu_s(pid) - before for pid, before in zip(self._pids, self._cpu_s, strict=True)]
        self._is_over.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            above = [
                read_memory(pid).all_mib - before
                for pid, before in zip(self._pids, self._before_mib, strict=True)
            ]
            self.memory_mib = [max(pair) for pair in zip(self.memory_mib, above, strict=True)]
