"""The whole server as a process of its own, to be killed at any moment and started again on what it left."""

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
import httpx

from bastide.api.keys.admin import key_file, read_admin_key
from bastide.config import Settings
from tests.installation import free_port

ROOT = Path(__file__).resolve().parents[3]
START_S = 30.0
# Not `bastide server`, which refuses to run as root; what it runs is this.
SCRIPT = """
import asyncio, sys
from pathlib import Path
import uvloop
from bastide.config import Settings
from bastide.server import serve
root, run, port, metrics, grace = *map(Path, sys.argv[1:3]), *map(int, sys.argv[3:])
ports = {"port": port, "metrics_port": metrics}
settings = Settings(data_root=root, run_root=run, registry_grace_s=grace, **ports)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(serve(settings))
"""


class ServerProcess:
    """One server; `start` before anything else, `kill` as often as wanted, `remove` at the end."""

    def __init__(self, folder: Path, *, grace_s: int) -> None:
        # Not in the test's folder: a socket's name may have a hundred characters only.
        self._run_root = Path(tempfile.mkdtemp(prefix="bastide-run-"))
        self.settings = Settings(data_root=folder, run_root=self._run_root, port=free_port())
        numbers = map(str, (self.settings.port, free_port(), grace_s))
        self._argv = [sys.executable, "-c", SCRIPT, str(folder), str(self._run_root), *numbers]
        self._log = self._run_root / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self.settings.port}"
        self.settings.server_folder.mkdir(parents=True)
        self.settings.operator_socket.parent.mkdir(parents=True)

    def start(self) -> None:
        """Return when it answers."""
        with self._log.open("ab") as log:
            environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
            self._process = subprocess.Popen(self._argv, env=environment, stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while not self._answers():
            told = self._log.read_text()[-2000:]
            assert self._process.poll() is None and time.monotonic() < until, told
            time.sleep(0.05)

    def kill(self) -> None:
        """As `kill -9` and the kernel's lack of memory do. Repeatable."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def remove(self) -> None:
        """End it, and take away what is not in the test's folder."""
        self.kill()
        shutil.rmtree(self._run_root)

    def create_repository(self, name: str) -> None:
        """Of the admin's registry."""
        self._ecr().create_repository(repositoryName=name)

    def http(self) -> httpx.Client:
        """A client that is logged in; its token is good after a restart too."""
        token = self._ecr().get_authorization_token()["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
        return httpx.Client(base_url=self.url, auth=(user, password), trust_env=False, timeout=20)

    def _ecr(self) -> Any:
        key = read_admin_key(key_file(self.settings))
        return boto3.client(
            "ecr",
            endpoint_url=self.url,
            region_name=self.settings.region,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
        )

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/v2/", trust_env=False).status_code == 401
        except httpx.HTTPError:
            return False
