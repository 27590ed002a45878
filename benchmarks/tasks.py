"""Bastide's side: one task or twenty, from RunTask to RUNNING, and from StopTask to STOPPED.

Times are a client's: from sending the call to the answer of DescribeTasks that shows the status, asked for
every POLL_S. Every run is cold: no other task is there, so disk, interface, the VPC's router, control group
and sandbox are all new; only the image is unpacked already.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.line import Line
from benchmarks.signing import Signer
from tests.installation import IMAGE, Installation

POLL_S = 0.01  # and as much for every five tasks: describing them costs the server more
TIMEOUT_S = 120.0
CALL_MAX = 10  # tasks one RunTask starts
FAMILY = "bench"
SMALL = {"cpu": "256", "memory": "512"}
# Ends at SIGTERM, as a service that is well made does: a first process without a handler would be deaf to it.
APP = {"name": "app", "image": IMAGE, "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait"]}


class Tasks:
    """Runs, watches and stops tasks of one definition."""

    def __init__(self, installation: Installation, *, image: str = IMAGE) -> None:
        self._signer = Signer(installation.environment)
        self._line = Line(self._signer.address)
        self._definition = installation.register(FAMILY, APP | {"image": image}, **SMALL)
        subnets = installation.aws("ec2", "describe-subnets")["Subnets"]
        self._subnet = sorted(subnet["SubnetId"] for subnet in subnets)[0]

    def call(self, operation: str, **params: Any) -> Any:
        """One call; its result. Anything but 200 is an error."""
        status, body = self._line.ask(self._signer.sign(operation, params))
        if status != 200:
            raise RuntimeError(f"{operation}: {status} {body.decode()}")
        return json.loads(body)

    def start(self, count: int) -> list[str]:
        """RunTask as often as that takes; the tasks' ARNs."""
        network = {"awsvpcConfiguration": {"subnets": [self._subnet]}}
        arns: list[str] = []
        while len(arns) < count:
            answer = self.call(
                "RunTask",
                taskDefinition=self._definition,
                count=min(CALL_MAX, count - len(arns)),
                launchType="FARGATE",
                networkConfiguration=network,
            )
            arns += [task["taskArn"] for task in answer["tasks"]]
        return arns

    def wait(self, arns: Sequence[str], status: str) -> None:
        """Until all of them show it."""
        until = time.monotonic() + TIMEOUT_S
        while True:
            tasks = self.call("DescribeTasks", tasks=list(arns))["tasks"]
            seen = {task["lastStatus"] for task in tasks}
            if seen == {status}:
                return
            if "STOPPED" in seen and status != "STOPPED":
                raise RuntimeError(str([task.get("stoppedReason") for task in tasks]))
            if time.monotonic() > until:
                raise TimeoutError(f"{seen} after {TIMEOUT_S} s, not {status}")
            time.sleep(POLL_S * (1 + len(arns) // 5))

    def measure_start(self, count: int = 1) -> tuple[float, list[str]]:
        """Seconds until all are RUNNING, and the tasks."""
        started_at = time.perf_counter()
        arns = self.start(count)
        self.wait(arns, "RUNNING")
        return time.perf_counter() - started_at, arns

    def measure_stop(self, arns: Sequence[str]) -> float:
        """Seconds until all are STOPPED, with nothing left of them."""
        started_at = time.perf_counter()
        for arn in arns:
            self.call("StopTask", task=arn)
        self.wait(arns, "STOPPED")
        return time.perf_counter() - started_at
