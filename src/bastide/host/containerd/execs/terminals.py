"""A program on a terminal of its own in a container, for as long as somebody sits there.

The shim makes the terminal and carries its bytes through two pipes whose other ends are here; their names say
container and exec id, so that a later agent finds and ends what an earlier one left.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bastide.host.containerd.channel import Channel
from bastide.host.containerd.execs.process import pack_process, read_process
from bastide.host.containerd_api.services import tasks_pb2 as tasks
from bastide.host.containerd_api.services.containers_pb2_grpc import ContainersStub
from bastide.host.containerd_api.services.tasks_pb2_grpc import TasksStub
from bastide.host.ports import ShapeProcess
from bastide.model.faults import Conflict, Fault, Invalid, NotFound, Unavailable

if TYPE_CHECKING:  # the stubs' asynchronous faces exist for the type checker alone
    from bastide.host.containerd_api.services.containers_pb2_grpc import ContainersAsyncStub
    from bastide.host.containerd_api.services.tasks_pb2_grpc import TasksAsyncStub

CALL_TIMEOUT_S = 20.0
WAIT_TIMEOUT_S = 3600.0  # of one call; there is always a next one
RETRY_S = 0.5
# Interrupt and quit, as typed: gVisor does not hang up what runs in the foreground when its shell goes.
BREAKS = b"\x03\x1c"
BREAK_S = 0.2  # for them to be heard
HANG_UP_S = 1.0  # for a shell to end its jobs, before it is killed
LINGER_S = 0.5  # for the last bytes of a program whose children keep its terminal

log = logging.getLogger(__name__)


class Terminals:
    """Every terminal of this instance."""

    def __init__(self, channel: Channel, *, folder: Path) -> None:
        self._channel = channel
        self._folder = folder
        self._containers: ContainersAsyncStub = ContainersStub(channel.grpc)
        self._tasks: TasksAsyncStub = TasksStub(channel.grpc)

    @contextlib.asynccontextmanager
    async def open(
        self, container_id: str, exec_id: str, shape: ShapeProcess
    ) -> AsyncIterator["ContainerTerminal"]:
        """As Runtime.terminal has it."""
        process = shape(await read_process(self._channel, self._containers, container_id))
        about = ("container", container_id)
        pair = self._folder / f"{container_id}:{exec_id}"
        async with _pipes(pair) as (keyboard, screen):
            request = tasks.ExecProcessRequest(
                container_id=container_id,
                exec_id=exec_id,
                stdin=str(_keyboard(pair)),
                stdout=str(_screen(pair)),
                terminal=True,
                spec=pack_process(process),
            )
            await self._channel.call(self._tasks.Exec, request, about=about, timeout_s=CALL_TIMEOUT_S)
            terminal = ContainerTerminal(
                self._channel, self._tasks, (container_id, exec_id), keyboard, screen
            )
            try:
                start = tasks.StartRequest(container_id=container_id, exec_id=exec_id)
                await self._channel.call(self._tasks.Start, start, about=about, timeout_s=CALL_TIMEOUT_S)
                async with terminal.watched():
                    yield terminal
            finally:
                await asyncio.shield(self._end(container_id, exec_id, has_ended=terminal.has_ended))

    async def end_all(self) -> None:
        """End what an earlier agent left."""
        left = sorted(self._folder.glob("*:*.screen"))
        await asyncio.gather(*(self._end_left(path) for path in left))

    async def _end_left(self, screen: Path) -> None:
        container_id, _, exec_id = screen.stem.partition(":")
        await self._end(container_id, exec_id, has_ended=False)
        for path in (screen, screen.with_suffix(".keyboard")):
            path.unlink(missing_ok=True)

    async def _end(self, container_id: str, exec_id: str, *, has_ended: bool) -> None:
        """Hang up, then kill, and let go of it; what cannot be told now goes with its container."""
        about = ("exec", f"{container_id}/{exec_id}")
        wait = tasks.WaitRequest(container_id=container_id, exec_id=exec_id)
        delete = tasks.DeleteProcessRequest(container_id=container_id, exec_id=exec_id)
        try:
            if not has_ended and _type(_keyboard(self._folder / f"{container_id}:{exec_id}"), BREAKS):
                await asyncio.sleep(BREAK_S)
            for number in () if has_ended else (signal.SIGHUP, signal.SIGKILL):
                kill = tasks.KillRequest(container_id=container_id, exec_id=exec_id, signal=number)
                with suppress(NotFound, Conflict):
                    await self._channel.call(self._tasks.Kill, kill, about=about, timeout_s=CALL_TIMEOUT_S)
                with suppress(Unavailable):
                    await self._channel.call(self._tasks.Wait, wait, about=about, timeout_s=HANG_UP_S)
                    break
            await self._channel.call(self._tasks.DeleteProcess, delete, about=about, timeout_s=CALL_TIMEOUT_S)
        except (NotFound, Conflict):
            pass
        except (Invalid, Unavailable) as fault:
            log.warning("a terminal was left", extra={"exec": about[1], "why": str(fault)})


class ContainerTerminal:
    """One of them, as the Terminal Protocol has it."""

    def __init__(
        self,
        channel: Channel,
        stub: "TasksAsyncStub",
        ids: tuple[str, str],
        keyboard: int,
        screen: int,
    ) -> None:
        self._channel = channel
        self._tasks = stub
        self._container_id, self._exec_id = ids
        self._keyboard = keyboard
        self._screen = screen
        self._exit_code: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    @property
    def has_ended(self) -> bool:
        """Whether the program has."""
        return self._exit_code.done() and not self._exit_code.cancelled()

    async def read(self, size_max: int) -> bytes:
        """What it wrote; nothing when there will be no more."""
        while True:
            has_ended = self._exit_code.done()
            with _readable(self._screen) as ready:
                await asyncio.wait(
                    {ready} if has_ended else {ready, self._exit_code},
                    timeout=LINGER_S if has_ended else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            if ready.done():
                with suppress(BlockingIOError):
                    return os.read(self._screen, size_max)
            elif has_ended:
                return b""  # nothing came for a while: its children keep the terminal

    async def write(self, data: bytes) -> None:
        """Type it; waits for the program to read what was typed before."""
        while data:
            try:
                data = data[os.write(self._keyboard, data) :]
            except BlockingIOError:
                await _writable(self._keyboard)

    async def resize(self, columns: int, rows: int) -> None:
        """The terminal's size from now on; the program is told."""
        request = tasks.ResizePtyRequest(
            container_id=self._container_id, exec_id=self._exec_id, width=columns, height=rows
        )
        about = ("exec", f"{self._container_id}/{self._exec_id}")
        await self._channel.call(self._tasks.ResizePty, request, about=about, timeout_s=CALL_TIMEOUT_S)

    async def wait(self) -> int | None:
        """Its exit code; None where nobody knows it any more."""
        return await asyncio.shield(self._exit_code)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Notice its end meanwhile."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    async def _watch(self) -> None:
        request = tasks.WaitRequest(container_id=self._container_id, exec_id=self._exec_id)
        about = ("exec", f"{self._container_id}/{self._exec_id}")
        while True:
            try:
                answer = await self._channel.call(
                    self._tasks.Wait, request, about=about, timeout_s=WAIT_TIMEOUT_S
                )
            except Unavailable:  # containerd is away; the program goes on
                await asyncio.sleep(RETRY_S)
            except Fault:  # its container is gone, and it with it
                self._exit_code.set_result(None)
                return
            else:
                self._exit_code.set_result(answer.exit_status)
                return


@contextlib.asynccontextmanager
async def _pipes(pair: Path) -> AsyncIterator[tuple[int, int]]:
    """The keyboard's end to write to, and the screen's to read from."""
    pair.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in (_keyboard(pair), _screen(pair)):
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
    # Both ways: a pipe nobody reads yet cannot be opened to write alone.
    keyboard = os.open(_keyboard(pair), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    screen = os.open(_screen(pair), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield keyboard, screen
    finally:
        os.close(keyboard)
        os.close(screen)
        for path in (_keyboard(pair), _screen(pair)):
            path.unlink(missing_ok=True)


def _keyboard(pair: Path) -> Path:
    return pair.with_name(f"{pair.name}.keyboard")


def _screen(pair: Path) -> Path:
    return pair.with_name(f"{pair.name}.screen")


def _type(keyboard: Path, data: bytes) -> bool:
    """Whether the other end has taken it."""
    try:
        descriptor = os.open(keyboard, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.write(descriptor, data) > 0
    except OSError:
        return False
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _readable(descriptor: int) -> Iterator["asyncio.Future[int | None]"]:
    """Done once there is something to read, or nobody writes any more."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[int | None] = loop.create_future()
    loop.add_reader(descriptor, _set, ready)
    try:
        yield ready
    finally:
        loop.remove_reader(descriptor)


async def _writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_writer(descriptor, _set, ready)
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)


def _set(ready: "asyncio.Future[int | None]") -> None:
    if not ready.done():
        ready.set_result(None)
