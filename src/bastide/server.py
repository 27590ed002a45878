"""The server's composition root: opens the store, wires API, control and the agents' session, runs, closes.

Never runs as root. Everything lives on one event loop; what ends first (a signal, a failure) ends the rest
in order: no new requests, those under way finished, sessions and control stopped, the store closed.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from bastide import __version__
from bastide.api.agents import Agents
from bastide.api.app import create_app
from bastide.api.audit import Trail, open_trail
from bastide.api.connections import Connection, connection_with, passed_on_with
from bastide.api.ec2.vpcs.completion import complete_default_vpcs
from bastide.api.exec import ExecStreams
from bastide.api.keys.admin import ensure_admin_key, key_file
from bastide.api.keys.signing import Keys
from bastide.api.operator import Operators
from bastide.api.s3.files import ObjectFiles, sweep_objects
from bastide.api.tls import Certificates, InsideCertificates
from bastide.api.vault import ensure_vault, vault_file
from bastide.config import Settings
from bastide.control.blobs import Sweeper
from bastide.control.enis import Enis
from bastide.control.events import Events
from bastide.control.hosts import Hosts
from bastide.control.log_groups import LogGroups
from bastide.control.placement import Placement
from bastide.control.reaper import Reaper
from bastide.control.repositories import Repositories
from bastide.control.retirement import Retirement
from bastide.model.faults import Denied
from bastide.store import Store
from bastide.store.logs.migration import move_rows

DRAIN_S = 5  # for requests under way when asked to end
KEEP_ALIVE_S = 75  # longer than the SDKs keep an idle connection
BACKLOG = 2048
# Store threads hold the GIL for microseconds at a time; at Python's 5 ms they would wait long for each turn.
SWITCH_INTERVAL_S = 0.0005
STREAMS = "websockets-sansio"  # which of uvicorn's WebSockets
STREAM_PING_S = 54  # the SSM agent's
STREAM_PONG_S = 600  # a client whose terminal is held with Ctrl-S does not answer, and is not gone
STREAM_FRAME_BYTES = 1024 * 1024  # of a client of exec; the plugin's own have 1 KiB
GC_THRESHOLD = 20_000  # requests make many short-lived objects and few cycles

log = logging.getLogger(__name__)


class Listener(uvicorn.Server):
    """uvicorn without its own signal handling: the composition root decides when it ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Leave signals alone."""
        yield

    @property
    def is_listening(self) -> bool:
        """Whether connections are accepted."""
        return bool(self.started)


def run_server(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    _refuse_privileges()
    os.umask(0o077)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(GC_THRESHOLD)
    for chatty in ("uvicorn", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))
    return 0


async def serve(settings: Settings) -> None:
    """Run everything until a signal comes or a part fails."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    async with _opened(settings) as store, _audited(settings) as trail:
        vault = await ensure_vault(store, vault_file(settings))
        await complete_default_vpcs(store, settings, vault)
        await sweep_objects(store, ObjectFiles(settings, vault))
        inside = InsideCertificates(settings)
        agents = Agents(store, settings, vault)
        agents.authority = inside.authority
        file = key_file(settings)
        admin = ensure_admin_key(file)
        keys = Keys(admin, account=settings.account, store=store, vault=vault, file=file)
        streams = ExecStreams(store, settings, vault, tell=agents.tell)
        streams.trail = trail
        agents.on_exec, agents.on_lost = streams.hear, streams.lose_host
        app = create_app(store, settings, keys, trail=trail, agents_connected=lambda: agents.connected)
        app.streams = streams
        certificates = Certificates(settings)
        metrics_host, metrics_port = settings.metrics_address
        outside, passed_on = connection_with(certificates.context), passed_on_with(inside.context)
        listeners = (
            _listener(app, outside, ws=STREAMS, host=settings.host, port=settings.port),
            _listener(app, passed_on, ws=STREAMS, uds=ensure_place(settings.vpc_socket)),
            _listener(app.metrics_app, connection_with(None), host=metrics_host, port=metrics_port),
        )
        gc.freeze()  # models and modules live as long as we do: no collection looks at them again
        log.info("bastide server %s of %s on %s", __version__, settings.instance, settings.endpoint)
        async with asyncio.TaskGroup() as group:
            control = [
                group.create_task(part.run())
                for part in (
                    agents,
                    streams,
                    Operators(store, settings, vault, trail=trail),
                    Placement(store, settings),
                    Enis(store),
                    Events(store, settings),
                    Hosts(store),
                    LogGroups(store),
                    Reaper(store, settings),
                    Retirement(store),
                    Repositories(store),
                    Sweeper(store, settings),
                    certificates,
                )
            ]
            served = [group.create_task(_served(listener, ending)) for listener in listeners]
            await ending.wait()
            log.info("ending")
            for listener in listeners:
                listener.should_exit = True
            await asyncio.gather(*served)
            for task in control:
                task.cancel()


async def _served(listener: Listener, ending: asyncio.Event) -> None:
    """Serve; a listener that ends by itself (its port is taken) ends the server."""
    try:
        await listener.serve()
    except SystemExit as error:  # how uvicorn tells of a port in use
        address = f"{listener.config.host}:{listener.config.port}"
        raise OSError(f"{address} cannot be listened on") from error
    finally:
        ending.set()


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Store]:
    store = await Store.open(settings.database_url, log_folder=settings.log_event_folder)
    try:
        await move_rows(store)
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def _audited(settings: Settings) -> AsyncIterator[Trail]:
    trail = open_trail(settings)
    try:
        yield trail
    finally:
        await trail.close()


def ensure_place(path: Path) -> str:
    """Of a socket that whoever is in its folder may use; nobody but root and this user gets there."""
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o711)
    path.unlink(missing_ok=True)
    return str(path)


def _listener(app: Any, http: type[Connection], *, ws: str = "none", **place: Any) -> Listener:
    """`place` is host and port, or the path of a unix socket."""
    return Listener(
        uvicorn.Config(
            app,
            **place,
            http=http,
            ws=ws,
            ws_max_size=STREAM_FRAME_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=STREAM_PING_S,
            ws_ping_timeout=STREAM_PONG_S,
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_S,
        )
    )


def _refuse_privileges() -> None:
    """The process that listens to the network has no privileges, whoever started it."""
    if 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid()):
        why = "The server never runs as root. Use `bastide up`, or a service file with User=."
        raise Denied("server", why=why)
    with open("/proc/self/status") as status:  # noqa: PTH123 -- lines of a kernel file
        fields = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    if any(int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapAmb")):
        raise Denied("server", why="The server was started with capabilities; it needs none and takes none.")
