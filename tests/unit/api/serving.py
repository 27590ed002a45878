"""The API served by uvicorn on a free port of this process, as the server serves it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import msgspec
import uvicorn
from botocore.config import Config

from bastide.api.app import App, create_app
from bastide.api.audit import Trail
from bastide.api.connections import Connection
from bastide.api.keys.admin import AdminKey
from bastide.api.keys.signing import Keys
from bastide.api.registry import SERVICES, Services
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.server import STREAMS
from bastide.store import Store
from tests.audit_fixture import trail_of

VAULT = Vault(bytes(range(32)))
KEY = AdminKey("AKIATESTTESTTESTTEST", "s" * 40)


class Served:
    """A running API and clients for it."""

    def __init__(self, app: App, trail: Trail, port: int) -> None:
        self.app = app
        self.trail = trail
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def client(
        self, service: str, *, region: str = "eu-test-1", key: AdminKey = KEY, validates: bool = True
    ) -> Any:
        """A boto3 client that tries once, and may leave checking parameters to the server."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=validates),
        )


@asynccontextmanager
async def serving(
    store: Store,
    settings: Settings,
    *,
    services: Services = SERVICES,
    http: type[Connection] = Connection,
    uds: str | None = None,
) -> AsyncIterator[Served]:
    """Serve the API for the block; where the settings name no folder, in one that is gone afterwards.

    `uds`: on this unix socket.
    """
    with tempfile.TemporaryDirectory() as folder:
        if settings.data_root == Settings().data_root:
            settings = msgspec.structs.replace(settings, data_root=Path(folder))
        async with trail_of(settings) as trail:
            keys = Keys(KEY, account=settings.account, store=store, vault=VAULT)
            app = create_app(
                store,
                settings,
                keys,
                trail=trail,
                agents_connected=lambda: 1,
                services=services,
            )
            async with _listening(app, trail, http, uds) as served:
                yield served


@asynccontextmanager
async def _listening(
    app: App, trail: Trail, http: type[Connection], uds: str | None
) -> AsyncIterator[Served]:
    config = uvicorn.Config(
        app,
        port=0,
        uds=uds,
        http=http,
        lifespan="off",
        ws=STREAMS,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
    )
    server = uvicorn.Server(config)
    sock = config.bind_socket()
    task = asyncio.create_task(server.serve([sock]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield Served(app, trail, 0 if uds else sock.getsockname()[1])
    finally:
        server.should_exit = True
        await task
        sock.close()
