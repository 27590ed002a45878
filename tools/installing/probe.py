#!/usr/bin/env python3
"""Tries what tasks need of the parts in a folder (containerd, the shim, runsc); says why they are unfit.

Run by the environment's Python as root: probe.py FOLDER. A sandbox must start, with gVisor's kernel; it must
go on when containerd is killed; and a container that ends meanwhile must keep its exit code. Everything made
here carries the probe's own name and goes again: a containerd with its own folders, a sandbox, its cgroups.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty

from bastide.host.containerd.daemon import Daemon, write_daemon_files
from bastide.host.containerd.shims import PARTS
from bastide.host.containerd_api.services import containers_pb2 as containers
from bastide.host.containerd_api.services import (
    containers_pb2_grpc,
    namespaces_pb2_grpc,
    tasks_pb2_grpc,
    version_pb2_grpc,
)
from bastide.host.containerd_api.services import namespaces_pb2 as namespaces
from bastide.host.containerd_api.services import tasks_pb2 as tasks
from bastide.host.containerd_api.types import process_pb2
from bastide.model.status import RuntimeClass

START_TIMEOUT_S = 20.0
CALL_TIMEOUT_S = 30.0
REMOVE_TIMEOUT_S = 5.0
PROBE_TIMEOUT_S = 80  # with six removals less than the caller's two minutes, so that nothing is left then
LEAVE_S = 2.0  # for a shim that was told to shut down; it takes its socket with it
EVENT_S = 1.0  # for a shim to report an end that it knows of
BOOTSTRAP = "state/io.containerd.runtime.v2.task/*/*/bootstrap.json"  # where a shim listens
SPEC_TYPE = "types.containerd.io/opencontainers/runtime-spec/1"
NAMESPACES = ("pid", "network", "ipc", "uts", "mount")
PROVED = 42  # the exit code of a process that saw gVisor's kernel
PROOF = f"dmesg | grep -q -i gvisor && exit {PROVED}; exit 1"
ENDED = 43  # the exit code of the container that ends while containerd is down
ENDING = f"until [ -e /door/open ]; do sleep 0.05; done; echo >/door/passed; exit {ENDED}"
RESTART = "when containerd is killed, and Bastide promises that tasks go on"


class Unfit(Exception):
    """The parts do not do what tasks need."""


class Client:
    """Calls to containerd about a sandbox and the container in it that ends, in a namespace of their own."""

    def __init__(self, channel: grpc.Channel, name: str) -> None:
        self._name, self.sandbox, self.ending = name, f"{name}-sandbox", f"{name}-ending"
        self._namespaces = namespaces_pb2_grpc.NamespacesStub(channel)
        self._containers = containers_pb2_grpc.ContainersStub(channel)
        self._tasks = tasks_pb2_grpc.TasksStub(channel)
        metadata = (("containerd-namespace", name),)
        self._call: dict[str, Any] = {"metadata": metadata, "timeout": CALL_TIMEOUT_S}

    def create_namespace(self) -> None:
        space = namespaces.Namespace(name=self._name)
        self._namespaces.Create(namespaces.CreateNamespaceRequest(namespace=space), **self._call)

    def start(self, container_id: str, spec: dict[str, Any], runtime: containers.Container.Runtime) -> None:
        """Create a container and start its first process."""
        container = containers.Container(id=container_id, runtime=runtime, spec=_packed("Spec", spec))
        self._containers.Create(containers.CreateContainerRequest(container=container), **self._call)
        self._tasks.Create(tasks.CreateTaskRequest(container_id=container_id), **self._call)
        self._tasks.Start(tasks.StartRequest(container_id=container_id), **self._call)

    def require_proof(self) -> None:
        """Run the proof beside the sandbox's first process; the shim misses the code of what ends at once."""
        proof: dict[str, Any] = {"container_id": self.sandbox, "exec_id": "proof"}
        spec = _packed("Process", _process("/bin/sh", "-c", PROOF))
        self._tasks.Exec(tasks.ExecProcessRequest(**proof, spec=spec), **self._call)
        self._tasks.Start(tasks.StartRequest(**proof), **self._call)
        code = self._tasks.Wait(tasks.WaitRequest(**proof), **self._call).exit_status
        self._tasks.DeleteProcess(tasks.DeleteProcessRequest(**proof), **self._call)
        if code != PROVED:
            raise Unfit(f"the sandbox started, but the proof in it ended with {code} instead of {PROVED}")

    def is_running(self) -> bool:
        """Whether containerd still knows the sandbox, as one that runs."""
        known = self._find(self._tasks.Get, tasks.GetRequest(container_id=self.sandbox))
        return known is not None and known.process.status == process_pb2.RUNNING

    def read_ended(self) -> int | None:
        """The exit code of the container that ended; None when it was forgotten."""
        known = self._find(self._tasks.Wait, tasks.WaitRequest(container_id=self.ending))
        return None if known is None else int(known.exit_status)

    def _find(self, ask: Callable[..., Any], request: Any) -> Any | None:
        try:
            return ask(request, **self._call)
        except grpc.RpcError as failed:
            if failed.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise

    def remove(self) -> None:
        """Kill and delete, whatever state they are in."""
        for name in (self.ending, self.sandbox):
            acts: tuple[tuple[Callable[..., Any], Any], ...] = (
                (self._tasks.Kill, tasks.KillRequest(container_id=name, signal=9, all=True)),
                (self._tasks.Wait, tasks.WaitRequest(container_id=name)),
                (self._tasks.Delete, tasks.DeleteTaskRequest(container_id=name)),
            )
            for act, request in acts:
                with contextlib.suppress(grpc.RpcError):
                    act(request, **self._call | {"timeout": REMOVE_TIMEOUT_S})


def main(folder: Path) -> int:
    """Probe and say what happened by the exit code."""
    scratch = Path("/run") / f"bastide-probe-{secrets.token_hex(4)}"
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, _give_up)
    signal.alarm(PROBE_TIMEOUT_S)
    try:
        _probe(folder, scratch)
    except (Unfit, grpc.RpcError, OSError) as failed:
        log = scratch / "containerd.log"
        tail = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else []
        why = failed.details() if isinstance(failed, grpc.Call) else failed
        print(*tail, why, sep="\n", file=sys.stderr)
        return 1
    finally:
        signal.alarm(0)
        _sweep(scratch)
    return 0


def _give_up(number: int, _frame: object) -> NoReturn:
    raise Unfit(f"the probe was ended by {signal.Signals(number).name}")


def _probe(folder: Path, scratch: Path) -> None:
    parts = PARTS[RuntimeClass.GVISOR]
    daemon = Daemon(
        containerd=folder / "containerd",
        shim=parts.make(folder / parts.shim, folder / parts.runtime, scratch),
        data_folder=scratch / "data",
        run_folder=scratch,
    )
    write_daemon_files(daemon)
    with _containerd(daemon) as channel:
        client = Client(channel, scratch.name)
        client.create_namespace()
        runtime = _runtime(daemon)
        client.start(client.sandbox, _spec("sandbox", scratch, "/bin/sleep", "600"), runtime)
        client.start(client.ending, _spec("container", scratch, "/bin/sh", "-c", ENDING), runtime)
        client.require_proof()
    for told in scratch.glob(BOOTSTRAP):  # containerd forgets it with a dead shim, and leaves its socket
        shutil.copy(told, scratch)
    _end_container(scratch, client.ending)
    with _containerd(daemon) as channel:
        client = Client(channel, scratch.name)
        try:
            if not client.is_running():
                raise Unfit(f"the sandbox dies {RESTART}")
            if (code := client.read_ended()) != ENDED:
                said = "forgotten" if code is None else f"told as {code} instead of {ENDED}"
                raise Unfit(f"the exit code of a container that ends is {said} {RESTART}")
            client.require_proof()
        finally:
            client.remove()


@contextlib.contextmanager
def _containerd(daemon: Daemon) -> Iterator[grpc.Channel]:
    """A containerd of the probe's own, answering; at the end it is killed, as tasks have to bear."""
    with (daemon.run_folder / "containerd.log").open("ab") as log:
        process = subprocess.Popen(
            daemon.argv, env=daemon.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        with grpc.insecure_channel(f"unix://{daemon.socket}") as channel:
            _wait_answering(channel, process)
            yield channel
    finally:
        process.kill()
        process.wait()


def _wait_answering(channel: grpc.Channel, process: "subprocess.Popen[bytes]") -> None:
    version = version_pb2_grpc.VersionStub(channel)
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        if process.poll() is not None:
            raise Unfit(f"containerd ended at once with exit code {process.returncode}")
        try:
            version.Version(Empty(), timeout=2, wait_for_ready=True)
            return
        except grpc.RpcError as failed:
            if time.monotonic() > deadline:
                raise Unfit("containerd did not answer on its socket") from failed


def _end_container(scratch: Path, name: str) -> None:
    """Let the container end while there is no containerd, and its shim see that and try to tell."""
    (scratch / "door" / "open").touch()
    deadline = time.monotonic() + START_TIMEOUT_S
    # The shim learns of an end from a `runsc wait NAME`.
    while not (scratch / "door" / "passed").exists() or _pids_naming(f"\0wait\0{name}\0"):
        if time.monotonic() > deadline:
            raise Unfit(f"a container in the sandbox does not go on {RESTART}")
        time.sleep(0.05)
    time.sleep(EVENT_S)


def _pids_naming(text: str) -> list[int]:
    """Processes with the text in their arguments."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if text.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def _sweep(scratch: Path) -> None:
    """Take away what is left, all of it when the probe failed: the name is in every process's arguments."""
    sockets = [
        Path(json.loads(path.read_text())["address"].removeprefix("unix://"))
        for path in (*scratch.glob(BOOTSTRAP), *scratch.glob("bootstrap.json"))
    ]
    kill_at = time.monotonic() + LEAVE_S
    while (pids := _pids_naming(scratch.name)) and time.monotonic() < kill_at + LEAVE_S:
        for pid in pids if time.monotonic() >= kill_at else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    for socket in sockets:
        socket.unlink(missing_ok=True)
    cgroups = Path("/sys/fs/cgroup")
    for cgroup in (*cgroups.glob(scratch.name), *cgroups.glob(f"*/{scratch.name}")):
        with contextlib.suppress(OSError):
            cgroup.rmdir()
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):  # runsc keeps a namespace there
        if (point := line.split()[1]).startswith(f"{scratch}/"):
            subprocess.run(["umount", point], check=False)
    shutil.rmtree(scratch, ignore_errors=True)


def _runtime(daemon: Daemon) -> containers.Container.Runtime:
    """The shim, by its path so that no other one is found, and its settings."""
    shim = daemon.bin_folder / daemon.shim.program.name
    return containers.Container.Runtime(name=str(shim), options=daemon.shim.make_options({}))


def _packed(kind: str, document: dict[str, Any]) -> AnyMessage:
    return AnyMessage(type_url=f"{SPEC_TYPE}/{kind}", value=json.dumps(document).encode())


def _process(*args: str) -> dict[str, Any]:
    user = {"uid": 0, "gid": 0}
    return {"user": user, "args": args, "env": ["PATH=/bin"], "cwd": "/", "noNewPrivileges": True}


def _spec(kind: str, scratch: Path, *args: str) -> dict[str, Any]:
    """The least OCI spec a container starts from: one static program, no network of the host's."""
    if (busybox := shutil.which("busybox")) is None:
        raise Unfit("busybox is missing; install Debian's busybox-static")
    rootfs, door = scratch / f"{kind}-rootfs", scratch / "door"
    for folder in (door, *(rootfs / name for name in ("bin", "proc", "tmp", "dev", "sys", "door"))):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(busybox, rootfs / "bin" / "busybox")
    for applet in ("sh", "dmesg", "grep", "sleep"):
        (rootfs / "bin" / applet).symlink_to("busybox")
    linux: dict[str, Any] = {"namespaces": [{"type": each} for each in NAMESPACES]}
    if kind == "sandbox":
        linux["cgroupsPath"] = f"/{scratch.name}"
    return {
        "ociVersion": "1.1.0",
        "process": _process(*args),
        "root": {"path": str(rootfs), "readonly": True},
        # Without a type the shim takes a sandbox for a container joining one, and waits for its output.
        "annotations": {
            "io.kubernetes.cri.container-type": kind,
            "io.kubernetes.cri.sandbox-id": f"{scratch.name}-sandbox",
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/door", "type": "bind", "source": str(door), "options": ["rbind", "rw"]},
        ],
        "linux": linux,
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
