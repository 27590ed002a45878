"""containerd, server and agent: how each is started, when it answers, in which order.

What runs is left alone; what died is started. A process that ends before it answers is told with the last
lines of its log.
"""

import http.client
import json
import pwd
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bastide.cli.processes import folders
from bastide.cli.processes.launching import launch, launch_server
from bastide.cli.processes.running import Running, read_running
from bastide.config import Settings
from bastide.model.faults import Conflict, Unavailable

ANSWER_TIMEOUT_S = 60.0  # a first start imports and compiles everything
ASK_TIMEOUT_S = 5.0
POLL_S = 0.05
TAIL_LINES = 8
HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # RFC 9113, section 3.4
HTTP2_SETTINGS = b"\4"  # a frame's type


@dataclass(frozen=True)
class Service:
    """One process of an installation."""

    name: str
    grace_s: float  # from being asked to end to being killed
    launch: Callable[[str, Settings, pwd.struct_passwd], Running]
    answers: Callable[[Settings], bool]

    def find(self, settings: Settings) -> Running | None:
        """The process, if it runs."""
        return read_running(folders.pid_file(settings, self.name))

    def start(self, settings: Settings, account: pwd.struct_passwd) -> Running:
        """Start it and wait until it answers. Preconditions: the folders are there and it does not run."""
        running = self.launch(self.name, settings, account)
        self.wait_answer(running, settings, timeout_s=ANSWER_TIMEOUT_S)
        return running

    def wait_answer(self, running: Running, settings: Settings, *, timeout_s: float) -> None:
        """Return when it answers; Unavailable, with the end of its log, when it ends or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not self.answers(settings):
            if not running.is_alive:
                why = f"{self.name} (process {running.pid}) has ended."
            elif time.monotonic() > deadline:
                why = (
                    f"{self.name} (process {running.pid}) does not answer. To start it anew, while tasks go"
                    " on: `bastide down`, then `bastide up`."
                )
            else:
                time.sleep(POLL_S)
                continue
            raise Unavailable(self.name, why=f"{why} {_tail(folders.log_file(settings, self.name))}")


def ask(address: tuple[str, int], path: str) -> str | None:
    """The body of a local HTTP answer, None when there is none or it is an error."""
    connection = http.client.HTTPConnection(*address, timeout=ASK_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
        return body if response.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def read_health(settings: Settings) -> dict[str, Any] | None:
    """What this instance's server says of itself; None when it does not answer, or another one does."""
    try:
        health = json.loads(ask(reach(settings), "/_bastide/health") or "null")
    except ValueError:  # some other program has the port
        return None
    is_ours = isinstance(health, dict) and health.get("instance") == settings.instance
    return health if is_ours else None


def reach(settings: Settings) -> tuple[str, int]:
    """Where this host reaches the API: a wildcard address is reached over loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return host, settings.port


def check_ports(settings: Settings) -> None:
    """Unavailable when another program holds a port of ours. Preconditions: our server does not run."""
    for setting, (host, port) in (
        ("port", (settings.host, settings.port)),
        ("metrics-port", settings.metrics_address),
    ):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                why = (
                    f"Port {port} of {host} cannot be used ({error.strerror}). Choose another by --{setting}."
                )
                raise Unavailable("port", str(port), why=why) from error


def _containerd_answers(settings: Settings) -> bool:
    """A gRPC server greets whoever connects; one that hangs accepts and is silent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ASK_TIMEOUT_S)
        try:
            probe.connect(str(settings.containerd_socket))
            probe.sendall(HTTP2_GREETING)
            return probe.recv(9)[3:4] == HTTP2_SETTINGS
        except OSError:
            return False


def _server_answers(settings: Settings) -> bool:
    return read_health(settings) is not None


def _agent_answers(settings: Settings) -> bool:
    """An agent answers when the server has its session."""
    health = read_health(settings)
    return health is not None and health["agents_connected"] > 0


def check_started_by_us(settings: Settings) -> None:
    """Conflict when a process answers that `bastide up` did not start: a service file did."""
    foreign = [one.name for one in SERVICES if one.find(settings) is None and one.answers(settings)]
    if CONTAINERD.name in foreign or SERVER.name in foreign:
        why = (
            f"A service file of this machine started {', '.join(foreign)}; start and stop them by it:"
            f" systemctl start, or stop, bastide@{settings.instance}.target"
        )
        raise Conflict("instance", settings.instance, why=why)


# In the order of starting: the server listens for the agent, the agent needs containerd.
CONTAINERD = Service("containerd", 10.0, launch, _containerd_answers)
SERVER = Service("server", 15.0, launch_server, _server_answers)
AGENT = Service("agent", 15.0, launch, _agent_answers)
SERVICES = (CONTAINERD, SERVER, AGENT)


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    return f"The end of {log}:\n  " + "\n  ".join(lines)
