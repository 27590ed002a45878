"""The API alone, on a port of its own, for real clients: boto3 and the aws program.

No agent and nothing that needs root: these stories are about what clients see of the store. The server runs
on a thread with its own event loop, since the clients block.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config

from bastide.api.app import create_app
from bastide.api.audit import open_trail
from bastide.api.connections import Connection
from bastide.api.keys.admin import AdminKey
from bastide.api.keys.signing import Keys
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.store import Record, Store

ACCOUNT = "111122223333"
REGION = "eu-test-1"
KEY = AdminKey("AKIAIOSFODNN7EXAMPLE", "a secret of the test's own")
START_S = 20.0


class Server:
    """A running API and the clients that talk to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._server: uvicorn.Server | None = None
        self._store: Store | None = None

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(START_S), "the server did not start"

    def stop(self) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join()

    def put(self, record: Record) -> None:
        """Write a record as a control loop would."""
        store = self._store
        assert store is not None
        asyncio.run_coroutine_threadsafe(store.update(lambda txn: txn.put(record)), self._loop).result()

    def commits(self) -> int:
        """Transactions so far that changed records."""
        assert self._store is not None
        return self._store.commits

    def client(self, service: str, region: str = REGION, *, config: Config | None = None) -> Any:
        plain = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=KEY.access_key_id,
            aws_secret_access_key=KEY.secret_access_key,
            config=plain if config is None else plain.merge(config),
        )

    def aws(self, *arguments: str) -> Any:
        """What the aws program answers; its complaint as RuntimeError."""
        text = self.run(*arguments, "--output", "json")
        return json.loads(text) if text.strip() else None

    def run(self, *arguments: str) -> str:
        """What the aws program prints; its complaint as RuntimeError."""
        with self.began(*arguments) as running:
            told, complaint = running.communicate(timeout=60)
        if running.returncode:
            raise RuntimeError(complaint)
        return told

    def began(self, *arguments: str) -> subprocess.Popen[str]:
        """The aws program under way."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "AWS_ACCESS_KEY_ID": KEY.access_key_id,
            "AWS_SECRET_ACCESS_KEY": KEY.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "PYTHONUNBUFFERED": "1",
        }
        program = Path(sys.executable).with_name("aws")
        return subprocess.Popen(
            [program, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        store = self._store = await Store.open(f"sqlite:///{self.folder}/store.db")
        settings = Settings(account=ACCOUNT, region=REGION, port=self.port, data_root=self.folder)
        vault = Vault(os.urandom(32))
        keys = Keys(KEY, account=ACCOUNT, store=store, vault=vault)
        trail = open_trail(settings)
        app = create_app(store, settings, keys, trail=trail)
        config = uvicorn.Config(app, port=self.port, http=Connection, lifespan="off", log_level="warning")
        self._server = server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server.serve())
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        self._started.set()
        try:
            await serving
        finally:
            await trail.close()
            await store.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("api"))
    running.start()
    yield running
    running.stop()
