"""A Runtime in memory. A script decides what a process does; the contract suite holds it to the real one."""

import asyncio
import contextlib
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bastide.host.ports import ContainerState, ExecResult, NewContainer, Process, ShapeProcess
from bastide.model.faults import Conflict, Invalid, NotFound, Unavailable
from bastide.model.usage import ContainerUsage

CONTAINER_TYPE = "io.kubernetes.cri.container-type"
SANDBOX_ID = "io.kubernetes.cri.sandbox-id"
START_FAILED = 128  # what the shim gives a container that never ran


@dataclass(frozen=True)
class Behaviour:
    """What a process does once started: fail to, end with a code, or run until a signal ends it."""

    start_error: str = ""
    exit_code: int | None = None
    on_signal: dict[int, int] = field(default_factory=dict)  # signal → exit code


@dataclass(frozen=True)
class Answer:
    """What a program run beside a process does: end with a code at once, or not at all (None)."""

    exit_code: int | None = 0
    output: bytes = b""


def read_answer(line: str) -> Answer:
    """The few lines that tests run beside a process."""
    if line.startswith("/nonexistent"):
        raise Invalid("exec", why=f"creating process: failed to load {line}: no such file or directory")
    written = "".join(text + "\n" for text in re.findall(r"echo (\w+)", line)).encode()
    if zeros := re.search(r"count=(\d+)", line):
        written = bytes(int(zeros[1]) * 1024)
    ended = re.search(r"exit (\d+)", line)
    return Answer(None if "sleep" in line else int(ended[1]) if ended else 0, written)


Script = Callable[[NewContainer], Behaviour]


def read_script(container: NewContainer) -> Behaviour:
    """The few commands that tests run, understood as busybox would."""
    args: list[str] = container.spec["process"]["args"]
    if args[0].startswith("/nonexistent"):
        return Behaviour(start_error=f"creating process: failed to load {args[0]}: no such file or directory")
    line = args[2] if args[:2] == ["sh", "-c"] else " ".join(args)
    if trap := re.match(r"trap 'exit (\d+)' TERM", line):
        return Behaviour(on_signal={signal.SIGTERM: int(trap[1])})
    if line in ("true", "false"):
        return Behaviour(exit_code=int(line == "false"))
    if line.startswith("/nonexistent"):
        return Behaviour(exit_code=127)
    if ended := re.match(r"exit (\d+)", line):
        return Behaviour(exit_code=int(ended[1]))
    if killed := re.match(r"kill -(\w+) \$\$", line):
        return Behaviour(exit_code=128 + signal.Signals[f"SIG{killed[1]}"])
    return Behaviour()


@dataclass
class Held:
    """One container of the fake."""

    new: NewContainer
    process: Process = Process.CREATED
    exit_code: int | None = None
    exited_at: datetime | None = None
    behaviour: Behaviour = field(default_factory=Behaviour)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def annotations(self) -> dict[str, Any]:
        """Of the OCI spec."""
        return dict(self.new.spec.get("annotations", {}))


class FakeTerminal:
    """A shell that says each line again, shows its size when asked, and knows `exit`."""

    def __init__(self) -> None:
        self.size = (0, 0)
        self.is_deaf = False  # reads nothing of what is typed
        self._shown: asyncio.Queue[bytes] = asyncio.Queue()
        self._exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._line = b""
        self._rest = b""

    async def read(self, size_max: int) -> bytes:
        data = self._rest or await self._shown.get()
        self._rest = data[size_max:]
        return data[:size_max]

    async def write(self, data: bytes) -> None:
        if self.is_deaf:
            await asyncio.Event().wait()
        self._line += data
        while b"\n" in self._line:
            line, _, self._line = self._line.partition(b"\n")
            if line.startswith(b"exit"):
                self.end(int(line.removeprefix(b"exit") or b"0"))
            elif line == b"size":
                self.show("{} {}\n".format(*self.size).encode())
            else:
                self.show(line + b"\n")

    async def resize(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)

    async def wait(self) -> int | None:
        return await asyncio.shield(self._exit_code)

    def show(self, data: bytes) -> None:
        self._shown.put_nowait(data)

    def end(self, code: int) -> None:
        self._exit_code.set_result(code)
        self._shown.put_nowait(b"")


class FakeRuntime:
    """The Runtime Protocol without a kernel."""

    def __init__(self, script: Script = read_script, answer: Callable[[str], Answer] = read_answer) -> None:
        self.memory_bytes: dict[str, int] = {}
        self.cpu_ns: Counter[str] = Counter()
        self.is_hanging = False
        self.terminals: dict[str, FakeTerminal] = {}
        self.execs: list[tuple[str, Sequence[str]]] = []
        self._script = script
        self._answer_exec = answer
        self._held: dict[str, Held] = {}
        self._watchers: list[asyncio.Queue[str | None]] = []

    async def ensure_container(self, container: NewContainer) -> None:
        self._answer()
        if container.id in self._held:
            return
        held = Held(container)
        sandbox = held.annotations.get(SANDBOX_ID)
        if held.annotations.get(CONTAINER_TYPE) == "container":
            owner = self._held.get(sandbox or "")
            if owner is None or owner.process is not Process.RUNNING:
                raise Invalid("container", container.id, why=f"sandbox {sandbox} is not running")
        self._held[container.id] = held

    async def ensure_started(self, container_id: str) -> None:
        self._answer()
        if container_id not in self._held:
            raise NotFound("container", container_id)
        held = self._held[container_id]
        if held.process is not Process.CREATED:
            return
        held.behaviour = self._script(held.new)
        if held.behaviour.start_error:
            self._set_ended(held, START_FAILED)
            raise Invalid("container", container_id, why=held.behaviour.start_error)
        held.process = Process.RUNNING
        self._tell(container_id)
        if held.behaviour.exit_code is not None:
            code = held.behaviour.exit_code
            asyncio.get_running_loop().call_soon(self.end, container_id, code)

    async def read_containers(self) -> dict[str, ContainerState]:
        self._answer()
        return {container_id: _state(held) for container_id, held in self._held.items()}

    async def read_container(self, container_id: str) -> ContainerState | None:
        self._answer()
        held = self._held.get(container_id)
        return None if held is None else _state(held)

    async def send_signal(self, container_id: str, signal: int, *, every_process: bool = False) -> None:
        self._answer()
        held = self._held.get(container_id)
        if held is None or held.process is not Process.RUNNING:
            return
        self.end(container_id, held.behaviour.on_signal.get(signal, 128 + signal))

    async def remove_container(self, container_id: str) -> None:
        self._answer()
        held = self._held.get(container_id)
        if held is not None:
            self.end(container_id, 128 + signal.SIGKILL)
            del self._held[container_id]

    async def exec(
        self, container_id: str, exec_id: str, arguments: Sequence[str], *, timeout_s: float, output_max: int
    ) -> ExecResult:
        self._answer()
        held = self._held.get(container_id)
        if held is None:
            raise NotFound("container", container_id)
        if held.process is not Process.RUNNING:
            raise Conflict("container", container_id, why="cannot exec in a stopped state")
        self.execs.append((container_id, arguments))
        answer = self._answer_exec(arguments[-1])
        if answer.exit_code is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await held.ended.wait()
        code = 128 + signal.SIGKILL if held.ended.is_set() else answer.exit_code
        return ExecResult(exit_code=code, output=answer.output[:output_max])

    @contextlib.asynccontextmanager
    async def terminal(
        self, container_id: str, exec_id: str, shape: ShapeProcess
    ) -> AsyncIterator["FakeTerminal"]:
        self._answer()
        held = self._held.get(container_id)
        if held is None or held.process is not Process.RUNNING:
            raise NotFound("container", container_id)
        arguments = shape(held.new.spec["process"])["args"]
        if arguments[0].startswith("/nonexistent"):
            raise Invalid("exec", why=f"failed to load {arguments[0]}: no such file or directory")
        made = FakeTerminal()
        self.terminals[exec_id] = made
        try:
            yield made
        finally:
            del self.terminals[exec_id]

    async def end_terminals(self) -> None:
        self._answer()

    async def read_memory_bytes(self, container_id: str) -> int | None:
        self._answer()
        held = self._held.get(container_id)
        if held is None or held.process is not Process.RUNNING:
            return None
        return self.memory_bytes.get(container_id, 1024 * 1024)

    async def read_usage(self, container_id: str) -> ContainerUsage | None:
        memory_bytes = await self.read_memory_bytes(container_id)
        if memory_bytes is None:
            return None
        self.cpu_ns[container_id] += 1_000_000
        return ContainerUsage(cpu_ns=self.cpu_ns[container_id], memory_bytes=memory_bytes, processes=1)

    async def watch(self) -> AsyncIterator[str | None]:
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        queue.put_nowait(None)
        self._watchers.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._watchers.remove(queue)

    def end(self, container_id: str, code: int) -> None:
        """The process ends by itself; with a sandbox all that lives in it ends."""
        held = self._held.get(container_id)
        if held is None or held.process is not Process.RUNNING:
            return
        self._set_ended(held, code)
        self._tell(container_id)
        if held.annotations.get(CONTAINER_TYPE) == "sandbox":
            for other_id, other in self._held.items():
                if other.annotations.get(SANDBOX_ID) == container_id:
                    self.end(other_id, 128 + signal.SIGKILL)

    def restart(self) -> None:
        """As if containerd had been killed and started: watchers are told to look at everything."""
        for queue in self._watchers:
            queue.put_nowait(None)

    def _set_ended(self, held: Held, code: int) -> None:
        held.process, held.exit_code, held.exited_at = Process.STOPPED, code, datetime.now(UTC)
        held.ended.set()

    def _tell(self, container_id: str) -> None:
        for queue in self._watchers:
            queue.put_nowait(container_id)

    def _answer(self) -> None:
        if self.is_hanging:
            raise Unavailable("container", why="containerd did not answer in time")


def _state(held: Held) -> ContainerState:
    return ContainerState(
        id=held.new.id,
        labels=dict(held.new.labels),
        process=held.process,
        pid=1 if held.process is Process.RUNNING else 0,
        exit_code=held.exit_code,
        exited_at=held.exited_at,
    )
