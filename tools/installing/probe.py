#!/usr/bin/env python3
"""Starts one real sandbox with the parts of a folder: containerd, the shim, runsc; says why it could not.

Run by the environment's Python as root: probe.py FOLDER. Everything it makes carries its own name and goes
again: a containerd with its own root, state and socket, one task whose kernel must be gVisor's.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage

from bastide.host.containerd_api.services import containers_pb2 as containers
from bastide.host.containerd_api.services import (
    containers_pb2_grpc,
    namespaces_pb2_grpc,
    tasks_pb2_grpc,
    version_pb2_grpc,
)
from bastide.host.containerd_api.services import namespaces_pb2 as namespaces
from bastide.host.containerd_api.services import tasks_pb2 as tasks
from bastide.host.containerd_api.types import runtime_options_pb2

START_TIMEOUT_S = 20.0
CALL_TIMEOUT_S = 30.0
SPEC_TYPE = "types.containerd.io/opencontainers/runtime-spec/1"
PROVED = 42  # the exit code of a task that saw gVisor's kernel
PROOF = f"dmesg | grep -q -i gvisor && exit {PROVED}; exit 1"


class Unfit(Exception):
    """The parts do not start a sandbox here."""


def main(folder: Path) -> int:
    """Probe and say what happened by the exit code."""
    scratch = Path(tempfile.mkdtemp(prefix="bastide-probe-", dir="/run"))
    try:
        with _containerd(folder, scratch) as channel:
            _run_task(channel, folder, scratch)
    except (Unfit, grpc.RpcError, OSError) as failed:
        log = scratch / "containerd.log"
        tail = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else []
        why = failed.details() if isinstance(failed, grpc.Call) else failed
        print(*tail, why, sep="\n", file=sys.stderr)
        return 1
    finally:
        for pinned in scratch.glob("runsc/*/null-netns"):  # runsc keeps a namespace mounted there
            subprocess.run(["umount", str(pinned)], check=False)
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


@contextlib.contextmanager
def _containerd(folder: Path, scratch: Path) -> Iterator[grpc.Channel]:
    """A containerd of the probe's own, answering."""
    config = scratch / "config.toml"
    config.write_text(_containerd_config(scratch))
    env = {**os.environ, "PATH": f"{folder}:{os.environ.get('PATH', '/usr/sbin:/usr/bin:/sbin:/bin')}"}
    with (scratch / "containerd.log").open("wb") as log:
        argv = [str(folder / "containerd"), "--config", str(config)]
        daemon = subprocess.Popen(
            argv, cwd=scratch, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        with grpc.insecure_channel(f"unix://{scratch}/containerd.sock") as channel:
            _wait_answering(channel, daemon)
            yield channel
    finally:
        daemon.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(10)
        daemon.kill()
        daemon.wait()


def _containerd_config(scratch: Path) -> str:
    lines = [
        "version = 3",
        f'root = "{scratch}/root"',
        f'state = "{scratch}/state"',
        'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images",'
        ' "io.containerd.cri.v1.runtime", "io.containerd.nri.v1.nri"]',
        "[grpc]",
        f'address = "{scratch}/containerd.sock"',
        "[ttrpc]",
        f'address = "{scratch}/containerd.sock.ttrpc"',
    ]
    return "\n".join(lines) + "\n"


def _wait_answering(channel: grpc.Channel, daemon: "subprocess.Popen[bytes]") -> None:
    from google.protobuf.empty_pb2 import Empty

    version = version_pb2_grpc.VersionStub(channel)
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        if daemon.poll() is not None:
            raise Unfit(f"containerd ended at once with exit code {daemon.returncode}")
        try:
            version.Version(Empty(), timeout=2, wait_for_ready=True)
            return
        except grpc.RpcError as failed:
            if time.monotonic() > deadline:
                raise Unfit("containerd did not answer on its socket") from failed


def _run_task(channel: grpc.Channel, folder: Path, scratch: Path) -> None:
    """Create, start and wait for a task; its exit code proves whose kernel it ran on."""
    name = f"bastide-probe-{os.getpid()}"
    call: dict[str, Any] = {"metadata": (("containerd-namespace", name),), "timeout": CALL_TIMEOUT_S}
    space = namespaces_pb2_grpc.NamespacesStub(channel)
    kept = containers_pb2_grpc.ContainersStub(channel)
    running = tasks_pb2_grpc.TasksStub(channel)
    space.Create(namespaces.CreateNamespaceRequest(namespace=namespaces.Namespace(name=name)), **call)
    runtime = containers.Container.Runtime(name=str((folder / "containerd-shim-runsc-v1").resolve()))
    runtime.options.CopyFrom(_options(folder, scratch))
    spec = AnyMessage(type_url=f"{SPEC_TYPE}/Spec", value=_spec(name, scratch))
    kept.Create(
        containers.CreateContainerRequest(
            container=containers.Container(id=name, runtime=runtime, spec=spec)
        ),
        **call,
    )
    try:
        running.Create(tasks.CreateTaskRequest(container_id=name), **call)
        running.Start(tasks.StartRequest(container_id=name), **call)
        code = _run_inside(running, name, call)
    finally:
        _remove_task(running, name, call)
        kept.Delete(containers.DeleteContainerRequest(id=name), **call)
    if code != PROVED:
        raise Unfit(f"the sandbox started, but the task in it ended with {code} instead of {PROVED}")


def _run_inside(running: tasks_pb2_grpc.TasksStub, name: str, call: dict[str, Any]) -> int:
    """Run the proof beside the task's first process; the shim misses the code of what ends at once."""
    process = json.dumps(_process("/bin/sh", "-c", PROOF)).encode()
    spec = AnyMessage(type_url=f"{SPEC_TYPE}/Process", value=process)
    running.Exec(tasks.ExecProcessRequest(container_id=name, exec_id="proof", spec=spec), **call)
    running.Start(tasks.StartRequest(container_id=name, exec_id="proof"), **call)
    code = running.Wait(tasks.WaitRequest(container_id=name, exec_id="proof"), **call).exit_status
    running.DeleteProcess(tasks.DeleteProcessRequest(container_id=name, exec_id="proof"), **call)
    return int(code)


def _remove_task(running: tasks_pb2_grpc.TasksStub, name: str, call: dict[str, Any]) -> None:
    """Kill and delete, whatever state the task is in, and kill a shim that never answered."""
    for act in (
        lambda: running.Kill(tasks.KillRequest(container_id=name, signal=9, all=True), **call),
        lambda: running.Wait(tasks.WaitRequest(container_id=name), **call),
        lambda: running.Delete(tasks.DeleteTaskRequest(container_id=name), **call),
    ):
        with contextlib.suppress(grpc.RpcError):
            act()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if name.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)


def _options(folder: Path, scratch: Path) -> AnyMessage:
    """The shim's settings; it reads them from a file, whatever the option named config_body suggests."""
    path = scratch / "shim.toml"
    path.write_text(f'binary_name = "{(folder / "runsc").resolve()}"\nroot = "{scratch}/runsc"\n')
    options = runtime_options_pb2.Options(type_url="io.containerd.runsc.v1.options", config_path=str(path))
    return AnyMessage(type_url="runtimeoptions.v1.Options", value=options.SerializeToString())


def _process(*args: str) -> dict[str, Any]:
    user = {"uid": 0, "gid": 0}
    return {"user": user, "args": args, "env": ["PATH=/bin"], "cwd": "/", "noNewPrivileges": True}


def _spec(name: str, scratch: Path) -> bytes:
    """The least OCI spec a sandbox starts from: one static program, no network of the host's."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise Unfit("busybox is missing; install Debian's busybox-static")
    rootfs = scratch / "rootfs"
    (rootfs / "bin").mkdir(parents=True)
    for folder in ("proc", "tmp", "dev", "sys"):
        (rootfs / folder).mkdir()
    shutil.copy2(busybox, rootfs / "bin" / "busybox")
    for applet in ("sh", "dmesg", "grep", "sleep"):
        (rootfs / "bin" / applet).symlink_to("busybox")
    spec = {
        "ociVersion": "1.1.0",
        "process": _process("/bin/sleep", "60"),
        "root": {"path": str(rootfs), "readonly": True},
        # Without it the shim takes the sandbox for a container joining one, and waits on its output for ever.
        "annotations": {"io.kubernetes.cri.container-type": "sandbox"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {
            "cgroupsPath": f"/{name}",
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
        },
    }
    return json.dumps(spec).encode()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
