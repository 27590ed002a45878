"""API calls a second, over one connection and over sixteen, each request signed and every write on disk.

Before: one request with a forged signature must be refused, so that a server that does not verify is no
record. The 1,000 tasks are made by RunTask (ten a call) while no agent is connected, so they stay
PROVISIONING and cost no processor.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from urllib.request import urlopen

import msgspec

from benchmarks.figures import Figure, figure
from benchmarks.line import Line
from benchmarks.load import Result
from benchmarks.processes import read_cpu_s
from benchmarks.signing import Signer
from benchmarks.tasks import Tasks
from tests.installation import IMAGE, Installation

CONNECTIONS = (1, 16)
DURATION_S = 3.0
TASKS = 1_000
DESCRIBED_MAX = 100  # tasks one DescribeTasks may name
DISTINCT = 4_000  # registrations signed for a run; then the same again, which is a new revision all the same
FAMILIES = 100


class Load:
    """Signed requests by operation, and runs of them."""

    def __init__(self, installation: Installation, tasks: Tasks) -> None:
        self._installation = installation
        self._signer = Signer(installation.environment)
        self._server = installation.pid("server")
        self._check_signatures()
        self.arns = tasks.start(TASKS)

    def requests(self) -> Iterator[tuple[str, list[bytes]]]:
        """What is measured: its name and its requests, signed now."""
        sign = self._signer.sign
        yield "DescribeClusters", [sign("DescribeClusters", {"clusters": ["default"]})]
        yield "DescribeTasks, 1 of 1,000", [sign("DescribeTasks", {"tasks": [arn]}) for arn in self.arns]
        pages = [self.arns[at : at + DESCRIBED_MAX] for at in range(0, TASKS, DESCRIBED_MAX)]
        yield "DescribeTasks, 100 of 1,000", [sign("DescribeTasks", {"tasks": page}) for page in pages]
        numbers = range(DISTINCT)
        yield (
            "RegisterTaskDefinition",
            [sign("RegisterTaskDefinition", _definition(number)) for number in numbers],
        )

    def run(self, requests: Sequence[bytes], *, connections: int) -> tuple[Result, float, float]:
        """The load's result, the server's CPU milliseconds a call, and writes a commit (0: none)."""
        cpu_s, commits, writes = read_cpu_s(self._server), *self._read_commits()
        host, port = self._signer.address
        words = [sys.executable, "-m", "benchmarks.load", host, str(port), str(connections), str(DURATION_S)]
        packed = msgspec.msgpack.encode(requests)
        done = subprocess.run(words, input=packed, stdout=subprocess.PIPE, check=True)
        result = msgspec.json.decode(done.stdout, type=Result)
        if set(result.answers) != {200}:
            raise RuntimeError(f"not all calls were answered well: {result.answers}")
        cpu_s = read_cpu_s(self._server) - cpu_s
        more_commits, more_writes = self._read_commits()
        grouped = (more_writes - writes) / (more_commits - commits) if more_commits > commits else 0.0
        return result, cpu_s * 1e3 / result.answers[200], grouped

    def _check_signatures(self) -> None:
        line = Line(self._signer.address)
        good = self._signer.sign("DescribeClusters", {"clusters": ["default"]})
        statuses = [line.ask(request)[0] for request in (good, good.replace(b'"default"', b'"defaulT"'))]
        line.close()
        if statuses[0] != 200 or statuses[1] < 400:
            raise RuntimeError(f"the server does not verify signatures: {statuses}")

    def _read_commits(self) -> tuple[float, float]:
        port = self._installation.environment["BASTIDE_METRICS_PORT"]
        with urlopen(f"http://127.0.0.1:{port}/_bastide/metrics") as answer:
            lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
        return float(lines["bastide_store_commits"]), float(lines["bastide_store_writes"])


def measure_api(installation: Installation, tasks: Tasks, *, rounds: int) -> list[Figure]:
    """All calls, in turn, `rounds` times over. Preconditions: no agent is connected."""
    load = Load(installation, tasks)
    samples: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name, requests in load.requests():
            for connections in CONNECTIONS:
                result, cpu_ms, grouped = load.run(requests, connections=connections)
                label = f"{name}, {connections} connection{'s'[: connections - 1]}"
                found = [("calls/s", result.rate), ("server CPU ms a call", cpu_ms)]
                found += [("load CPU ms a call", result.own_cpu_s * 1e3 / result.answers[200])]
                found += [("writes a commit", grouped)] if grouped else []
                for unit, value in found:
                    samples.setdefault((label, unit), []).append(value)
    return [figure(label, unit, values) for (label, unit), values in samples.items()]


def _definition(number: int) -> dict[str, object]:
    """Two containers with logs, as the demonstration has them."""
    options = {"awslogs-group": "/bench", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t"}
    container = {
        "image": IMAGE,
        "essential": True,
        "environment": [{"name": "NUMBER", "value": str(number)}, {"name": "STAGE", "value": "bench"}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    return {
        "family": f"load-{number % FAMILIES}",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
        "containerDefinitions": [
            container | {"name": "web", "portMappings": [{"containerPort": 80}], "command": ["httpd", "-f"]},
            container | {"name": "sidecar", "command": ["sh", "-c", "while true; do sleep 1; done"]},
        ],
    }
