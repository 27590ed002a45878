"""The stream over a real WebSocket, on the port of the API."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websockets.asyncio.client as websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bastide.api.exec import ExecStreams
from bastide.config import Settings
from bastide.model.messages.exec import ExecBytes, ExecEnded, ExecStart
from tests.account import VAULT
from tests.unit.api.exec.conftest import HOST, World
from tests.unit.api.serving import serving
from tests.unit.wire.datachannel.plugin import Plugin


class EchoHost:
    """An agent that gives back what is typed, and ends at `q`."""

    def __init__(self, world: World, settings: Settings) -> None:
        now: Callable[[], float] = lambda: world.account.now.timestamp()  # noqa: E731
        self.streams = ExecStreams(world.store, settings, VAULT, tell=self._tell, now=now)
        self.started: list[ExecStart] = []

    def _tell(self, host_id: str, message: Any) -> bool:
        if isinstance(message, ExecStart):
            self.started.append(message)
        if isinstance(message, ExecBytes):
            self.streams.hear(HOST, message)
            if message.data == b"q":
                self.streams.hear(HOST, ExecEnded(session_id=message.session_id, exit_code=0))
        return True


async def test_a_session_over_a_socket(world: World, tmp_path: Path) -> None:
    settings = Settings(data_root=tmp_path)
    settings.server_folder.mkdir(parents=True)
    host = EchoHost(world, settings)
    session = (await world.execute(await world.run()))["session"]
    async with serving(world.store, settings) as served:
        served.app.streams = host.streams
        url = f"ws://127.0.0.1:{served.port}/v1/data-channel/{session['sessionId']}?role=publish_subscribe"
        headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=of-nobody"}  # as newer plugins send one
        async with websockets.connect(url, additional_headers=headers, compression=None) as socket:
            await socket.send(json.dumps({"TokenValue": session["tokenValue"], "ClientId": "c"}))
            plugin = Plugin()
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(5):
                    while True:
                        data = await socket.recv()
                        assert isinstance(data, bytes)
                        for frame in plugin.receive(data):
                            await socket.send(frame)
                        if host.started and plugin.is_done and not plugin.shown:
                            await socket.send(plugin.type(b"q"))
        assert plugin.shown == b"q"
        assert plugin.closed is not None


async def test_other_paths_have_no_socket(world: World, tmp_path: Path) -> None:
    async with serving(world.store, Settings(data_root=tmp_path)) as served:
        served.app.streams = EchoHost(world, Settings(data_root=tmp_path)).streams
        for path in ("/", "/v1/data-channel/", "/v1/data-channel/a/b"):
            with pytest.raises(InvalidStatus):
                await websockets.connect(f"ws://127.0.0.1:{served.port}{path}")
