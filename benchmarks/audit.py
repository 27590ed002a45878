"""What the audit log costs a call: the gateway with it and without, on the same requests, in turn.

    python -m benchmarks.audit

Needs neither root nor an installation. Processor time of the whole process: the log's thread is in it.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bastide.api.audit import Trail, open_trail
from bastide.api.exchange import Exchange
from bastide.api.gateway import Gateway
from bastide.api.keys.admin import AdminKey
from bastide.api.keys.signing import Keys
from bastide.api.metrics import Metrics
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.server import SWITCH_INTERVAL_S
from bastide.store import Store
from bastide.wire.http import Request, Response, WireError
from benchmarks.figures import Figure, figure, render_table

KEY = AdminKey("AKIATESTTESTTESTTEST", "s" * 40)
VAULT = Vault(bytes(range(32)))
TARGET = "AmazonEC2ContainerServiceV20141113"
CALLS = 400
TOGETHER = 16
ROUNDS = 9
DEFINITION: dict[str, Any] = {
    "family": "web",
    "containerDefinitions": [
        {
            "name": "web",
            "image": "web:1",
            "memory": 128,
            "command": ["httpd", "-f"],
            "environment": [{"name": f"N{number}", "value": "v"} for number in range(10)],
        }
    ],
}
CASES: dict[str, dict[str, Any]] = {
    "DescribeClusters": {"clusters": ["default"]},
    "RegisterTaskDefinition": DEFINITION,
}


class Silent(Trail):
    """Is told of calls and tells nobody."""

    async def note_call(self, exchange: Exchange, request: Request, error: WireError | None) -> None:
        """Nothing."""


def signed(operation: str, params: dict[str, Any]) -> Request:
    """A request as it comes from a client."""
    body = msgspec.json.encode(params)
    headers = {"X-Amz-Target": f"{TARGET}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", "http://127.0.0.1:4566/", data=body, headers=headers)
    SigV4Auth(Credentials(KEY.access_key_id, KEY.secret_access_key), "ecs", "us-east-1").add_auth(request)
    found = {name.lower(): str(value) for name, value in request.headers.items()}
    return Request("POST", "/", "", found | {"host": "127.0.0.1:4566"}, body, client="127.0.0.1")


async def cost_us(gateway: Gateway, request: Request) -> float:
    """Microseconds of processor time a call, sixteen at once."""

    async def ask() -> None:
        for _ in range(CALLS // TOGETHER):
            answer = await gateway.answer(request)
            assert isinstance(answer, Response)
            assert answer.status == 200, answer.body

    started_s = time.process_time()
    await asyncio.gather(*(ask() for _ in range(TOGETHER)))
    return (time.process_time() - started_s) / CALLS * 1e6


async def measure(folder: Path) -> list[Figure]:
    """Every case with and without."""
    settings = Settings(data_root=folder)
    store = await Store.open(f"sqlite:///{folder}/store.db")
    keys = Keys(KEY, account=settings.account, store=store, vault=VAULT)
    trail = open_trail(settings)
    silent = Silent(trail._log, account=settings.account)
    gateways = {
        "with": Gateway(store, settings, keys, Metrics(), trail=trail),
        "without": Gateway(store, settings, keys, Metrics(), trail=silent),
    }
    samples: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for operation, params in CASES.items():
            request = signed(operation, params)
            for name, gateway in gateways.items():
                samples.setdefault((operation, name), []).append(await cost_us(gateway, request))
    await trail.close()
    await store.close()
    return [
        figure(f"{operation}, {name} the audit log", "µs", found)
        for (operation, name), found in samples.items()
    ]


def measure_audit() -> list[Figure]:
    """In a folder that is gone afterwards."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        return asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    print(render_table(measure_audit()))
