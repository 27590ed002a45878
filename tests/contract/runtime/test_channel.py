"""The line to a containerd that is slow to begin."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from bastide.host.containerd.channel import Channel
from bastide.host.containerd_api.services.version_pb2_grpc import VersionStub
from tests.containerd_fixture import PrivateContainerd

pytestmark = pytest.mark.real

SLOW_S = 0.4


@asynccontextmanager
async def slow_to_begin(socket: Path, behind: Path) -> AsyncIterator[None]:
    """A socket through which one gets to another's, after a while."""
    lines: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await asyncio.sleep(SLOW_S)
            far_reader, far_writer = await asyncio.open_unix_connection(behind)
            async with asyncio.TaskGroup() as both:
                both.create_task(copy(far_reader, writer))
                await copy(reader, far_writer)
                far_writer.close()

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.add(asyncio.get_running_loop().create_task(relay(reader, writer)))

    async with await asyncio.start_unix_server(accept, socket):
        try:
            yield
        finally:
            await asyncio.gather(*lines)  # whoever came has gone


def ask(channel: Channel) -> Awaitable[object]:
    """The least that containerd can be asked."""
    return channel.call(VersionStub(channel.grpc).Version, Empty(), about=("containerd", "version"))


async def test_a_containerd_that_is_slow_to_begin_is_waited_for(
    containerd: PrivateContainerd, tmp_path: Path
) -> None:
    async with slow_to_begin(tmp_path / "slow", containerd.daemon.socket):
        channel = Channel(tmp_path / "slow", namespace=containerd.instance)
        try:
            await ask(channel)
        finally:
            await channel.close()
