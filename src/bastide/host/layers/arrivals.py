"""Packed layers on their way in: a file each, hashed as it grows, and read while it does.

A file is named by its layer and this boot of the machine, so that the next process goes on where one that was
killed had come to. It goes when nobody here wants the layer any more. A layer that another process is just
bringing in gets a file without a name. Used on one event loop only; bytes are stored and hashed in threads.
"""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from pathlib import Path

from bastide.host.image_archive.archive import Blob
from bastide.model.faults import Invalid

Stream = Callable[[int], AsyncGenerator[bytes, None]]  # a layer's bytes from that one on
FORGOTTEN_S = 24 * 3600.0  # what nobody has taken up by then, nobody will
READ_BYTES = 1024 * 1024
SCRATCH = (".pipe", ".refused")  # what an unpacking keeps beside the layers
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Arrival:
    """One layer: `file` holds its first `done_bytes` bytes. Whoever waits for more is told what broke it."""

    def __init__(self, blob: Blob, file: int, path: Path | None) -> None:
        self.blob = blob
        self.file = file
        self.path = path  # None: the file has no name
        self.done_bytes = 0
        self.wanted_by = 0
        self.filling: asyncio.Task[None] | None = None
        self._digest = hashlib.sha256()
        self._is_whole = False
        self._failure: Exception | None = None
        self._grown = asyncio.Condition()

    @property
    def has_failed(self) -> bool:
        """Whether nothing more will come of it."""
        return self._failure is not None

    async def wait_beyond(self, offset: int) -> int:
        """How many bytes there are, once there are more than `offset`. Raises what broke the layer."""
        await self._wait(lambda: self.done_bytes > offset)
        return self.done_bytes

    async def wait_whole(self) -> None:
        """All bytes are there, and they are the digest's. Raises what broke the layer."""
        await self._wait(lambda: self._is_whole)

    async def fill(self, stream: Stream) -> None:
        """Bring everything in that is not there yet; what goes wrong is for those who wait."""
        try:
            await self._fill(stream)
            self._is_whole = True
        except Exception as error:  # none is ours to judge
            self._failure = error
        await self._tell()

    async def _fill(self, stream: Stream) -> None:
        await self._in_thread(self._take_up)
        storing: asyncio.Future[None] | None = None
        try:
            async with contextlib.aclosing(stream(self.done_bytes)) as chunks:
                async for chunk in chunks:  # the next one comes while this one is stored
                    if storing is not None:
                        await storing
                    storing = asyncio.ensure_future(self._in_thread(partial(self._put, chunk)))
        finally:
            if storing is not None:
                await storing
        actual = f"sha256:{self._digest.hexdigest()}"
        if actual != self.blob.digest:
            said = f'failed commit on ref "layer-{self.blob.digest}": unexpected commit digest {actual}'
            why = f"{said}, expected {self.blob.digest}: failed precondition"
            raise Invalid("layer", self.blob.digest, why=why)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        """Even one who is cancelled waits: the file must not be closed under a thread."""
        running = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise
        except OSError as error:
            why = f"write of {self.blob.digest}: {(error.strerror or str(error)).lower()}"
            raise Invalid("layer", self.blob.digest, why=why) from error
        await self._tell()

    async def _tell(self) -> None:
        async with self._grown:
            self._grown.notify_all()

    def _take_up(self) -> None:
        """What an earlier process left of the layer, as far as it can be used."""
        if os.fstat(self.file).st_size > self.blob.size:
            os.truncate(self.file, 0)
        while data := os.read(self.file, READ_BYTES):
            self._digest.update(data)
            self.done_bytes += len(data)

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.file, rest) :]
        self._digest.update(data)
        self.done_bytes += len(data)

    async def _wait(self, condition: Callable[[], bool]) -> None:
        async with self._grown:
            await self._grown.wait_for(lambda: condition() or self._failure is not None)
        if self._failure is not None and not condition():
            raise self._failure


class Arrivals:
    """All layers on their way to this host by this process, `at_once` of them at the same time."""

    def __init__(self, folder: Path, *, at_once: int) -> None:
        self._folder = folder
        self._downloads = asyncio.Semaphore(at_once)
        self._expected: dict[str, Arrival] = {}
        self._boot = BOOT_ID.read_text().strip()
        self._is_suspended = False

    def suspend(self) -> None:
        """This process ends: what is broken off from now on stays for the next one to take up."""
        self._is_suspended = True

    @contextlib.asynccontextmanager
    async def expect(self, blob: Blob, stream: Stream) -> AsyncIterator[Arrival]:
        """The layer, for as long as the block runs; of several who want it, the first brings it."""
        arrival = self._expected.get(blob.digest)
        if arrival is None or arrival.has_failed:
            arrival = self._expected[blob.digest] = self._open(blob)
            arrival.filling = asyncio.create_task(self._fill(arrival, stream))
        arrival.wanted_by += 1
        try:
            yield arrival
        except BaseException:
            await self._let_go(arrival, is_kept=self._is_suspended and not arrival.has_failed)
            raise
        await self._let_go(arrival, is_kept=False)

    async def _fill(self, arrival: Arrival, stream: Stream) -> None:
        async with self._downloads:
            await arrival.fill(stream)

    async def _let_go(self, arrival: Arrival, *, is_kept: bool) -> None:
        arrival.wanted_by -= 1
        if arrival.wanted_by:
            return
        if self._expected.get(arrival.blob.digest) is arrival:
            del self._expected[arrival.blob.digest]
        if arrival.path is not None and not is_kept:
            arrival.path.unlink(missing_ok=True)
        assert arrival.filling is not None  # expect() has set it
        arrival.filling.cancel()
        arrival.filling.add_done_callback(lambda _: os.close(arrival.file))
        await asyncio.wait([arrival.filling])

    def _open(self, blob: Blob) -> Arrival:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._remove_forgotten()
            path = self._folder / f"{blob.digest.removeprefix('sha256:')}.{self._boot}"
            file = _open_alone(path)
            if file is not None:
                return Arrival(blob, file, path)
            return Arrival(blob, os.open(self._folder, os.O_RDWR | os.O_TMPFILE, 0o600), None)
        except OSError as error:
            why = f"open of {blob.digest}: {(error.strerror or str(error)).lower()}"
            raise Invalid("layer", blob.digest, why=why) from error

    def _remove_forgotten(self) -> None:
        """Layers of another boot, of which the disk may not have got everything, and whatever is very old."""
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                is_old = time.time() - path.stat().st_mtime > FORGOTTEN_S
                if is_old or path.suffix not in (f".{self._boot}", *SCRATCH):
                    path.unlink()


def _open_alone(path: Path) -> int | None:
    """The file, made if it is not there; None while another process has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_nlink:  # else its owner has just removed it
            return file
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
    os.close(file)
    return None
