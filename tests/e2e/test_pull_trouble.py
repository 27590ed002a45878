"""Pulls that are watched, stopped, killed or have no room; and images that go when nobody uses them."""

import gzip
import os
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bastide.host.containerd.images.records import USED_LABEL
from bastide.host.names import containerd_namespace
from tests.containerd_fixture import find_runtime_folder
from tests.contract.images.archives import digest, layout_of, tar_of
from tests.installation import Installation, shell, until
from tests.registry import OwnRegistry, Trouble, registry_beside, stall

pytestmark = pytest.mark.real

SIZE = 4_000_000  # of the image's larger layer


@pytest.fixture
def registry() -> Iterator[OwnRegistry]:
    with registry_beside() as running:
        yield running


def add_image(bastide: Installation, registry: OwnRegistry, name: str) -> str:
    """The demo image with a layer more; that layer's digest."""
    with tarfile.open(bastide.demo_archive()) as archive:
        blobs = [opened.read() for member in archive if (opened := archive.extractfile(member))]
    demo = next(gzip.decompress(blob) for blob in blobs if blob.startswith(b"\x1f\x8b"))
    noise = tar_of({"noise": os.urandom(SIZE)})
    registry.add(name, layout_of([demo, noise], config={"Env": ["PATH=/bin"]}, packing=("", bytes)))
    return digest(noise)


def layers(bastide: Installation) -> list[Path]:
    """What is on its way. Of a killed agent, a pipe that nobody had opened stays for a day."""
    folder = bastide.folder / "data" / bastide.instance / "agent" / "layers"
    return [path for path in folder.glob("*") if path.suffix != ".pipe"]


def pulling(bastide: Installation, registry: OwnRegistry, name: str) -> str:
    """A task of whose image half has come, and no more does for now."""
    registry.troubles.append(Trouble(add_image(bastide, registry, name), stall))
    container = shell("app", "sleep 1000", image=f"{registry.authority}/{name}:1", stopTimeout=2)
    task = bastide.run_task(bastide.register(name, container))[0]
    until(lambda: any(path.stat().st_size > SIZE // 4 for path in layers(bastide)))
    return task


def test_a_pull_is_watched_and_stopped(bastide: Installation, registry: OwnRegistry) -> None:
    task = pulling(bastide, registry, "stopped")
    shown = until(lambda: "download of its image" in (text := bastide.bastide("task", "show", task)) and text)
    assert " MiB" in shown
    assert bastide.describe(task)[0]["lastStatus"] == "PENDING"
    bastide.stop(task)
    described = bastide.describe(task)[0]
    assert described["stopCode"] == "UserInitiated"
    assert "startedAt" not in described
    assert layers(bastide) == []
    assert bastide.leftovers() == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_agent_that_comes_back_goes_on_with_the_pull(
    bastide: Installation, registry: OwnRegistry, number: signal.Signals
) -> None:
    task = pulling(bastide, registry, "resumed")
    os.kill(bastide.pid("agent"), number)
    until(lambda: not bastide.is_up("agent"))
    assert len(layers(bastide)) == 1
    bastide.up()
    bastide.wait(task, "RUNNING")
    (first,) = registry.ranges
    assert int(first.removeprefix("bytes=").removesuffix("-")) > SIZE // 4
    assert layers(bastide) == []
    bastide.stop(task)


def test_a_full_disk_ends_the_pull_in_ecs_words(bastide: Installation, registry: OwnRegistry) -> None:
    add_image(bastide, registry, "full")
    name = f"{registry.authority}/full:1"
    arn = bastide.register("full-pull", shell("app", "sleep 1000", image=name, stopTimeout=2))
    folder = bastide.folder / "data" / bastide.instance / "agent" / "layers"
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE // 2}", "none", folder], check=True)
    try:
        stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
        assert layers(bastide) == []
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
    why = "ref pull has been retried 1 time(s): failed to copy: no space left on device"
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"] == f"CannotPullContainerError: {why}"
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "RUNNING")
    bastide.stop(task)


def test_prune_removes_what_no_task_uses(bastide: Installation, registry: OwnRegistry) -> None:
    for name in ("used", "unused"):
        add_image(bastide, registry, name)
        bastide.bastide("pull", f"{registry.authority}/{name}:1")
    used, unused = (f"{registry.authority}/{name}:1" for name in ("used", "unused"))
    container = shell("app", "sleep 1000", image=used, stopTimeout=2)
    task = bastide.run_task(bastide.register("used", container))[0]
    bastide.wait(task, "RUNNING")
    said = bastide.bastide("image", "prune")  # both were asked for a moment ago; others' may be old
    assert not any(name.removesuffix(":1") in said for name in (used, unused))
    for record in (used, unused):
        make_old(bastide, record)
    said = bastide.bastide("image", "prune")
    assert (f"removed {unused.removesuffix(':1')}@" in said, used.removesuffix(":1") in said) == (True, False)
    listed = bastide.bastide("image", "list")
    assert (used in listed, unused in listed) == (True, False)
    assert bastide.describe(task)[0]["lastStatus"] == "RUNNING"
    bastide.stop(task)


def make_old(bastide: Installation, name: str) -> None:
    """As if nobody had asked for the image for years."""
    folder = find_runtime_folder()
    assert folder is not None
    socket = bastide.folder / "run" / bastide.instance / "containerd" / "containerd.sock"
    ctr = [str(folder / "ctr"), "--address", str(socket)]
    ctr += ["--namespace", containerd_namespace(bastide.instance), "images"]
    listed = subprocess.run([*ctr, "ls", "--quiet"], capture_output=True, text=True, check=True).stdout
    record = next(line for line in listed.splitlines() if line.startswith(name.removesuffix(":1") + "@"))
    label = f"{USED_LABEL}=2020-01-01T00:00:00+00:00"
    subprocess.run([*ctr, "label", record, label], check=True, capture_output=True)
