"""The reference: `runsc` alone, creating and starting the very bundles of a Bastide task.

The bundles are copies of a running task's: its OCI specs, with namespace, control group and root folders of
the reference's own, and without the CPU quota, which would throttle the boot: Bastide too sets it only when
the containers have started. Root folders and a namespace with an addressed interface are there before the
clock starts. What runsc does not do (disk, interface, image, records) is not in it.
"""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from bastide.host.containerd.shims.runtime_options import DEFAULT_FLAGS
from bastide.host.mounts import read_mounts_below, unmount
from tests.installation import Installation

SANDBOX = "io.kubernetes.cri.sandbox-id"
KIND = "io.kubernetes.cri.container-type"
BUNDLES = "containerd/state/io.containerd.runtime.v2.task"
PREFIX = "bbref"  # of everything made here


class Reference:
    """The two bundles of a task, run again by runsc alone."""

    def __init__(self, installation: Installation, task_id: str, *, runsc: Path) -> None:
        self._folder = installation.folder / "reference"
        self._folder.mkdir(exist_ok=True)
        self._state = self._folder / "state"
        flags = [f"--{name}={value}" for name, value in DEFAULT_FLAGS.items()]
        self._runsc = [str(runsc), f"--root={self._state}", *flags]
        run_folder = installation.folder / "run" / installation.instance
        bundles = sorted((run_folder / BUNDLES / installation.instance).glob(f"{task_id}*"))
        self._specs = sorted((self._taken(bundle) for bundle in bundles), key=_is_inside)

    @property
    def app_root(self) -> Path:
        """The root folder of the task's container."""
        return Path(self._specs[-1]["root"]["path"])

    def prepare(self) -> "Prepared":
        """Everything of one run but what is measured."""
        return Prepared(self._runsc, self._folder / uuid4().hex[:8], self._specs)

    def close(self) -> None:
        """Let go of the namespaces runsc keeps for its file servers; folders go with the installation's."""
        for target in read_mounts_below(self._folder):
            unmount(target)

    def _taken(self, bundle: Path) -> dict[str, Any]:
        """A bundle's spec, with its root and bound files copied: the task they are from will be gone."""
        spec: dict[str, Any] = json.loads((bundle / "config.json").read_text())
        root = self._folder / f"root-{bundle.name}"
        shutil.copytree(bundle / "rootfs", root, symlinks=True)
        spec["root"]["path"] = str(root)
        for number, mount in enumerate(spec["mounts"]):
            source = Path(mount.get("source", ""))
            if mount["type"] != "bind" or not source.is_absolute():
                continue
            copy = self._folder / f"mount-{bundle.name}-{number}"
            if source.is_dir():
                copy.mkdir()
            else:
                shutil.copy(source, copy)
            mount["source"] = str(copy)
        return spec


class Prepared:
    """One run's bundles and namespace; `start` is what is measured."""

    def __init__(self, runsc: Sequence[str], folder: Path, specs: Sequence[dict[str, Any]]) -> None:
        self._runsc = runsc
        self._name = f"{PREFIX}-{folder.name}"
        self._link = f"bb{folder.name}"
        self._ids = [f"{folder.name}{number:08d}" for number, _ in enumerate(specs)]
        self._bundles = [folder / str(number) for number, _ in enumerate(specs)]
        self._make_namespace()
        for bundle, spec in zip(self._bundles, specs, strict=True):
            bundle.mkdir(parents=True)
            (bundle / "config.json").write_text(json.dumps(self._own(spec)))

    def start(self) -> tuple[float, float]:
        """Seconds until the first container has started (the sandbox is up), and until the last has."""
        started_at = time.perf_counter()
        ends: list[float] = []
        for container, bundle in zip(self._ids, self._bundles, strict=True):
            self._run("create", f"--bundle={bundle}", container)
            self._run("start", container)
            ends.append(time.perf_counter() - started_at)
        return ends[0], ends[-1]

    def remove(self) -> None:
        """Nothing stays."""
        for container in reversed(self._ids):
            self._run("delete", "--force", container, check=False)
        _ip("link", "delete", self._link, check=False)
        _ip("netns", "delete", self._name)
        for pattern in (self._name, f"*/{self._name}"):  # v2, v1
            for group in Path("/sys/fs/cgroup").glob(pattern):
                with contextlib.suppress(OSError):
                    group.rmdir()
        shutil.rmtree(self._bundles[0].parent)

    def _own(self, spec: dict[str, Any]) -> dict[str, Any]:
        own: dict[str, Any] = json.loads(json.dumps(spec))
        own["linux"]["cgroupsPath"] = f"/{self._name}"
        own["linux"].get("resources", {}).get("cpu", {}).pop("quota", None)
        for namespace in own["linux"]["namespaces"]:
            if namespace["type"] == "network":
                namespace["path"] = f"/run/netns/{self._name}"
        if _is_inside(own):
            own["annotations"][SANDBOX] = self._ids[0]
        return own

    def _make_namespace(self) -> None:
        _ip("netns", "add", self._name)
        _ip("link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self._name)
        _ip("link", "set", self._link, "up")
        for words in (
            ("link", "set", "lo", "up"),
            ("link", "set", "eth0", "up"),
            ("address", "add", "192.0.2.2/24", "dev", "eth0"),
            ("route", "add", "default", "via", "192.0.2.1"),
        ):
            _ip("-n", self._name, *words)

    def _run(self, *words: str, check: bool = True) -> None:
        # No pipe: the sandbox would hold it open, and waiting for its end would wait for the sandbox.
        null = subprocess.DEVNULL
        subprocess.run([*self._runsc, *words], stdin=null, stdout=null, stderr=null, check=check)


def _is_inside(spec: dict[str, Any]) -> bool:
    """Whether the container joins a sandbox instead of making one."""
    return bool(spec["annotations"][KIND] == "container")


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)
