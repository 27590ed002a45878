"""A program run beside a container's own process: its output, its time limit, nothing of it left over.

Owns the pipe the output comes through, named by container and exec id, so that a later agent finds what an
earlier one left. Both of the program's streams share the pipe.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bastide.host.containerd.channel import Answered, Channel
from bastide.host.containerd.execs.process import pack_process, read_process
from bastide.host.containerd_api.services import tasks_pb2 as tasks
from bastide.host.containerd_api.services.containers_pb2_grpc import ContainersStub
from bastide.host.containerd_api.services.tasks_pb2_grpc import TasksStub
from bastide.host.ports import ExecResult
from bastide.model.faults import AlreadyExists, Conflict, Invalid, NotFound, Unavailable

if TYPE_CHECKING:  # the stubs' asynchronous faces exist for the type checker alone
    from bastide.host.containerd_api.services.containers_pb2_grpc import ContainersAsyncStub
    from bastide.host.containerd_api.services.tasks_pb2_grpc import TasksAsyncStub

CALL_TIMEOUT_S = 20.0  # on a loaded machine
START_TIMEOUT_S = 20.0  # a sandbox that is short of processor time takes a second or two
READ_BYTES = 65536
READS_AT_ONCE = 16
REST_S = 0.1  # between two such takes from a program that has written more than is kept: 10 MiB a second
SIGKILL = 9
LET_GO_S = 2.0
NAMES_MAX = 10  # of one exec id: as many of its programs may leave children that hold their output open
NOT_RUNNING = "cannot exec in a"  # how the shim refuses in any state but running


class Checks:
    """Programs beside containers; calls about one pair of ids are the caller's to put in order."""

    def __init__(self, channel: Channel, *, folder: Path) -> None:
        self._channel = channel
        self._folder = folder
        self._taken: set[tuple[str, str]] = set()  # names that a child of their program's keeps
        self._containers: ContainersAsyncStub = ContainersStub(channel.grpc)
        self._tasks: TasksAsyncStub = TasksStub(channel.grpc)

    async def run(
        self, container_id: str, exec_id: str, arguments: Sequence[str], *, timeout_s: float, output_max: int
    ) -> ExecResult:
        """As Runtime.exec has it."""
        process = await read_process(self._channel, self._containers, container_id)
        process |= {"args": list(arguments), "terminal": False}
        async with self._pipe(container_id, exec_id, output_max) as (path, output):
            name = await self._create(container_id, exec_id, process, path)
            try:
                exit_code = await self._run_created(container_id, name, timeout_s=timeout_s)
            finally:
                await self._remove(container_id, name)
        return ExecResult(exit_code=exit_code, output=bytes(output))

    def forget(self, container_id: str) -> None:
        """The container is gone, and every name with it."""
        self._taken = {pair for pair in self._taken if pair[0] != container_id}
        for pipe in self._folder.glob(f"{container_id}-*"):
            pipe.unlink(missing_ok=True)

    async def _create(self, container_id: str, exec_id: str, process: dict[str, object], pipe: Path) -> str:
        """Under the first name that is free, or will be once what an earlier agent left is gone."""
        about = ("container", container_id)
        for name in (exec_id, *(f"{exec_id}-{number}" for number in range(2, NAMES_MAX + 1))):
            if (container_id, name) in self._taken:
                continue
            request = tasks.ExecProcessRequest(
                container_id=container_id,
                exec_id=name,
                stdout=str(pipe),
                stderr=str(pipe),
                spec=pack_process(process),
            )
            try:
                with suppress(AlreadyExists):
                    await self._channel.call(self._tasks.Exec, request, about=about, timeout_s=CALL_TIMEOUT_S)
                    return name
                await self._remove(container_id, name)
                with suppress(AlreadyExists):
                    await self._channel.call(self._tasks.Exec, request, about=about, timeout_s=CALL_TIMEOUT_S)
                    return name
            except Invalid as fault:
                if NOT_RUNNING not in fault.why:
                    raise
                raise Conflict(*about, why=fault.why) from fault
        raise Invalid(*about, why="programs run in it before have left too many processes behind")

    async def _run_created(self, container_id: str, exec_id: str, *, timeout_s: float) -> int | None:
        """Start it and wait for its end; None when either does not come in time."""
        about = ("container", container_id)
        start = tasks.StartRequest(container_id=container_id, exec_id=exec_id)
        wait = tasks.WaitRequest(container_id=container_id, exec_id=exec_id)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):  # containerd has just answered: the sandbox does not
                await self._call(self._tasks.Start, start, about, timeout_s=START_TIMEOUT_S)
            async with asyncio.timeout(timeout_s):
                answer = await self._call(self._tasks.Wait, wait, about, timeout_s=timeout_s)
        except TimeoutError:
            return None
        return answer.exit_status

    async def _call(
        self,
        method: Callable[..., Awaitable[Answered]],
        request: object,
        about: tuple[str, str],
        *,
        timeout_s: float,
    ) -> Answered:
        """One that the caller gives up after `timeout_s`, before the channel does."""
        return await self._channel.call(method, request, about=about, timeout_s=timeout_s + CALL_TIMEOUT_S)

    async def _remove(self, container_id: str, exec_id: str) -> None:
        """Kill what runs under that name and let it go.

        The shim lets go of it when its output ends, and answers nothing about it until then. A child of the
        program's may hold that open for as long as it lives: then the name stays taken.
        """
        about = ("exec", f"{container_id}/{exec_id}")
        kill = tasks.KillRequest(container_id=container_id, exec_id=exec_id, signal=SIGKILL)
        wait = tasks.WaitRequest(container_id=container_id, exec_id=exec_id)
        delete = tasks.DeleteProcessRequest(container_id=container_id, exec_id=exec_id)
        try:
            with suppress(NotFound, Conflict):  # it has ended
                await self._channel.call(self._tasks.Kill, kill, about=about, timeout_s=LET_GO_S)
            await self._channel.call(self._tasks.Wait, wait, about=about, timeout_s=LET_GO_S)
            await self._channel.call(self._tasks.DeleteProcess, delete, about=about, timeout_s=LET_GO_S)
        except (NotFound, Conflict):
            pass
        except Unavailable:
            self._taken.add((container_id, exec_id))

    @contextlib.asynccontextmanager
    async def _pipe(
        self, container_id: str, exec_id: str, output_max: int
    ) -> AsyncIterator[tuple[Path, bytearray]]:
        """A pipe and what has come through it, cut; read to its end so that no writer ever waits for good."""
        path = self._folder / f"{container_id}-{exec_id}"
        with _opened_fifo(path) as descriptor:
            reader = _Reader(descriptor, output_max)
            try:
                yield path, reader.output
                reader.take()
            finally:
                reader.stop()


class _Reader:
    """Keeps the beginning of what comes through a pipe, and drops the rest at a pace that costs us little."""

    def __init__(self, descriptor: int, output_max: int) -> None:
        self.output = bytearray()
        self._descriptor = descriptor
        self._output_max = output_max
        self._resting: asyncio.TimerHandle | None = None
        self._resume()

    def take(self) -> None:
        """What is there now, in part; on the event loop."""
        with suppress(BlockingIOError):
            for _ in range(READS_AT_ONCE):
                data = os.read(self._descriptor, READ_BYTES)
                self.output.extend(data[: self._output_max - len(self.output)])
        if len(self.output) >= self._output_max and self._resting is None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._descriptor)
            self._resting = loop.call_later(REST_S, self._resume)

    def stop(self) -> None:
        """Read no more."""
        if self._resting is not None:
            self._resting.cancel()
        asyncio.get_running_loop().remove_reader(self._descriptor)

    def _resume(self) -> None:
        self._resting = None
        asyncio.get_running_loop().add_reader(self._descriptor, self.take)


@contextlib.contextmanager
def _opened_fifo(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)
