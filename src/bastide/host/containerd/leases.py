"""Leases: they keep what is new in containerd until something refers to it.

A lease ends with the work it was made for. One that is left, by a process that was killed or told to leave
its work to the next one, ends after the next work that succeeds, or by itself after a day.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from bastide.host.containerd.channel import Channel
from bastide.host.containerd_api.services import leases_pb2 as leases
from bastide.host.containerd_api.services.leases_pb2_grpc import LeasesStub
from bastide.model.faults import Fault

if TYPE_CHECKING:
    from bastide.host.containerd_api.services.leases_pb2_grpc import LeasesAsyncStub

LIFE = timedelta(hours=24)
END_TIMEOUT_S = 60.0  # the answer waits for the collector
OWNER_LABEL = "bastide/owner"  # the process that works under it
START_TIME = 19  # of the fields behind a process's name in /proc/…/stat (proc(5): field 22)


class Leases:
    """Of one namespace, for this process's work; any number at once."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._leases: LeasesAsyncStub = LeasesStub(channel.grpc)
        self._owner = owner_of(os.getpid())
        self._is_suspended = False

    def suspend(self) -> None:
        """This process ends: what is broken off from now on is left to the next one."""
        self._is_suspended = True

    @contextlib.asynccontextmanager
    async def lease(self) -> AsyncIterator[str]:
        """A lease's id, for as long as the block runs; what nothing else refers to goes with it."""
        lease = f"bastide-{uuid4().hex}"
        until = (datetime.now(UTC) + LIFE).isoformat(timespec="seconds").replace("+00:00", "Z")
        labels = {"containerd.io/gc.expire": until, OWNER_LABEL: self._owner}
        request = leases.CreateRequest(id=lease, labels=labels)
        await self._channel.call(self._leases.Create, request, about=("lease", lease))
        try:
            yield lease
        except BaseException:
            if not self._is_suspended:
                await asyncio.shield(self._end(leases.DeleteRequest(id=lease, sync=True)))
            raise
        await self._end_left()
        await self._end(leases.DeleteRequest(id=lease, sync=True))

    async def _end_left(self) -> None:
        """Those of processes that are no more."""
        with contextlib.suppress(Fault):  # there is a next time
            request = leases.ListRequest(filters=[f'labels."{OWNER_LABEL}"'])
            answer = await self._channel.call(self._leases.List, request, about=("lease", ""))
            for left in answer.leases:
                owner = left.labels[OWNER_LABEL]
                if owner_of(int(owner.partition("-")[0])) != owner:
                    await self._end(leases.DeleteRequest(id=left.id))

    async def _end(self, request: leases.DeleteRequest) -> None:
        about = ("lease", request.id)
        with contextlib.suppress(Fault):  # it expires by itself
            await self._channel.call(self._leases.Delete, request, about=about, timeout_s=END_TIMEOUT_S)


def owner_of(pid: int) -> str:
    """A name no other process ever has; empty when there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return f"{pid}-{fields[START_TIME]}"
