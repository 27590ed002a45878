"""The stream of what happens to processes, unbroken for as long as somebody iterates it.

A subscription misses what happened before it stood, and containerd does not say when it stands. So each
one is marked: an event of our own is published until it comes back, and only then `None` ("look at all")
is handed out; what happens later is in the stream.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage

from bastide.host.containerd.channel import Channel, fault_from
from bastide.host.containerd_api.services import events_pb2 as events
from bastide.host.containerd_api.services.events_pb2_grpc import EventsStub
from bastide.host.containerd_api.types import task_events_pb2 as task_events
from bastide.host.containerd_api.types.common_pb2 import Envelope
from bastide.model.faults import Fault

if TYPE_CHECKING:
    from bastide.host.containerd_api.services.events_pb2_grpc import EventsAsyncStub

MARK_TOPIC = "/bastide/watching"
MARK_AGAIN_S = 0.2
RECONNECT_MAX_S = 2.0

log = logging.getLogger(__name__)


async def watch_tasks(channel: Channel) -> AsyncIterator[str | None]:
    """Ids of containers whose first process started, ended or was killed for memory; None: look at all."""
    failures = 0
    while True:
        try:
            async for changed in _subscription(channel):
                failures = 0
                yield changed
        except grpc.RpcError as error:
            if failures == 0:
                log.warning("containerd's events are cut off: %s", fault_from(error, "events", ""))
        failures += 1
        await asyncio.sleep(random.uniform(0.5, 1.0) * min(0.1 * 2.0 ** min(failures, 6), RECONNECT_MAX_S))


async def _subscription(channel: Channel) -> AsyncIterator[str | None]:
    stub: EventsAsyncStub = EventsStub(channel.grpc)
    mark = uuid4().bytes
    namespace = f"namespace=={channel.namespace}"
    request = events.SubscribeRequest(filters=[f'{namespace},topic~="^/tasks/"', f'topic=="{MARK_TOPIC}"'])
    stream = stub.Subscribe(request, metadata=channel.metadata())
    marking = asyncio.create_task(_publish_until_cancelled(channel, stub, mark))
    try:
        async for envelope in stream:
            if envelope.topic == MARK_TOPIC:
                if envelope.event.value == mark and not marking.done():
                    marking.cancel()
                    yield None
            elif (changed := _container_of(envelope)) is not None:
                yield changed
    finally:
        marking.cancel()
        stream.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await marking


async def _publish_until_cancelled(channel: Channel, stub: "EventsAsyncStub", mark: bytes) -> None:
    event = AnyMessage(type_url="bastide.watching", value=mark)
    request = events.PublishRequest(topic=MARK_TOPIC, event=event)
    while True:
        with contextlib.suppress(Fault):
            await channel.call(stub.Publish, request, about=("events", MARK_TOPIC))
        await asyncio.sleep(MARK_AGAIN_S)


def _container_of(envelope: Envelope) -> str | None:
    value = envelope.event.value
    match envelope.topic:
        case "/tasks/start":
            return task_events.TaskStart.FromString(value).container_id
        case "/tasks/oom":
            return task_events.TaskOOM.FromString(value).container_id
        case "/tasks/exit":
            ended = task_events.TaskExit.FromString(value)
            return ended.container_id if ended.id == ended.container_id else None
        case "/tasks/delete":
            gone = task_events.TaskDelete.FromString(value)
            return gone.container_id if gone.id in ("", gone.container_id) else None
    return None
