"""What `ports.Disks` promises, on the fake and on this kernel."""

import asyncio
import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bastide.host import disks as disks_module
from bastide.host import mounts, syscalls
from bastide.host.command import run
from bastide.host.disks import LoopDisks
from bastide.host.ports import Disks
from bastide.host.volumes.efs import save_file_systems
from bastide.model.assignment import EfsVolume
from bastide.model.faults import InUse, Invalid, NotFound
from bastide.model.file_systems import FileSystem
from tests.fakes.disks import FakeDisks
from tests.real_host import Crash, Fuse, nothing_left, require_root

TASK, OTHER = "1" * 32, "2" * 32
EFS = EfsVolume(file_system_id="fs-12345678")
GIB = 1024**3


@pytest.fixture
def lower(tmp_path: Path) -> list[str]:
    """Two layers; the upper one has the last word about `both`."""
    layers = [tmp_path / "layer 2,:" / "fs", tmp_path / "layer 1" / "fs"]
    for layer in layers:
        layer.mkdir(parents=True)
        (layer / "both").write_text(layer.parent.name)
    (layers[1] / "old").write_text("old")
    return [str(layer) for layer in layers]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not in /tmp, which may be a tmpfs: loop devices over one behave differently."""
    path = Path(tempfile.mkdtemp(prefix="bastide-disks-", dir="/var/tmp"))
    disks = path / "disks"
    disks.mkdir()
    yield disks
    disks.rmdir()
    shutil.rmtree(path)  # the blanks


def made_disks(folder: Path) -> LoopDisks:
    """The disks of one agent after another, with a file system that tasks can mount."""
    efs_file, shared = folder.with_name("efs.json"), folder.with_name("shared")
    shared.mkdir(exist_ok=True)
    save_file_systems(efs_file, {EFS.file_system_id: FileSystem(source=str(shared))})
    return LoopDisks(folder, efs_file=efs_file)


@pytest.fixture
async def real(folder: Path) -> AsyncIterator[LoopDisks]:
    require_root("mkfs.ext4")
    with nothing_left(str(folder)):
        made = made_disks(folder)
        yield made
        for task_id in await made.read_disks():
            await made.remove_disk(task_id)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
def disks(request: pytest.FixtureRequest, tmp_path: Path) -> Disks:
    if request.param == "fake":
        return FakeDisks(tmp_path / "disks")
    made: Disks = request.getfixturevalue("real")
    return made


async def test_a_disk_is_there_until_it_is_removed(disks: Disks) -> None:
    path = await disks.ensure_disk(TASK, size_gib=1)
    (path / "kept").write_text("kept")
    assert await disks.ensure_disk(TASK, size_gib=1) == path
    assert (path / "kept").read_text() == "kept"
    assert await disks.read_disks() == {TASK}
    await disks.remove_disk(TASK)
    await disks.remove_disk(TASK)
    assert await disks.read_disks() == set()
    assert not path.exists()


async def test_a_root_shows_its_layers_and_keeps_what_is_written(disks: Disks, lower: list[str]) -> None:
    await disks.ensure_disk(TASK, size_gib=1)
    root = await disks.ensure_rootfs(TASK, "web", lower)
    assert (root / "both").read_text() == "layer 2,:"
    assert (root / "old").read_text() == "old"
    (root / "new").write_text("new")
    assert await disks.ensure_rootfs(TASK, "web", lower) == root
    assert (root / "new").read_text() == "new"
    assert not (Path(lower[0]) / "new").exists()


async def test_containers_of_a_task_have_roots_of_their_own(disks: Disks, lower: list[str]) -> None:
    await disks.ensure_disk(TASK, size_gib=1)
    one = await disks.ensure_rootfs(TASK, "one", lower)
    two = await disks.ensure_rootfs(TASK, "t" * 255, lower)
    (one / "new").write_text("new")
    assert not (two / "new").exists()


@pytest.mark.real
async def test_what_is_written_is_counted(real: LoopDisks) -> None:
    assert await real.read_use("a" * 32) is None
    disk = await real.ensure_disk("a" * 32, size_gib=1)
    before = await real.read_use("a" * 32)
    with (disk / "file").open("wb") as file:
        file.write(b"x" * 8 * 1024 * 1024)
        os.fsync(file.fileno())
    after = await real.read_use("a" * 32)
    assert before is not None and after is not None
    assert 8 <= after.used_mib - before.used_mib <= 9
    assert after.written_bytes - before.written_bytes >= 8 * 1024 * 1024


async def test_a_root_needs_a_disk(disks: Disks, lower: list[str]) -> None:
    with pytest.raises(NotFound):
        await disks.ensure_rootfs(TASK, "web", lower)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "x" * 256])
async def test_a_container_name_is_one_file_name(disks: Disks, lower: list[str], name: str) -> None:
    await disks.ensure_disk(TASK, size_gib=1)
    with pytest.raises(Invalid):
        await disks.ensure_rootfs(TASK, name, lower)


async def test_removing_one_leaves_the_other(disks: Disks) -> None:
    for task_id in (TASK, OTHER):
        await disks.ensure_disk(task_id, size_gib=1)
    await disks.remove_disk(TASK)
    assert await disks.read_disks() == {OTHER}
    await disks.remove_disk(OTHER)


@pytest.mark.real
async def test_a_full_disk_is_one_tasks_trouble(real: LoopDisks, lower: list[str]) -> None:
    full, other = [await real.ensure_disk(task_id, size_gib=1) for task_id in (TASK, OTHER)]
    root = await real.ensure_rootfs(TASK, "web", lower)
    block = bytes(64 * 1024**2)
    with pytest.raises(OSError) as refused, (root / "big").open("wb") as file:
        for _ in range(32):
            file.write(block)
    assert refused.value.errno == errno.ENOSPC
    seen = os.statvfs(root)
    assert seen.f_bavail * seen.f_frsize < 4 * 1024**2
    assert 0.95 * GIB < seen.f_blocks * seen.f_frsize <= GIB
    (other / "small").write_text("still fits")
    assert os.statvfs(full).f_bavail == seen.f_bavail


@pytest.mark.real
async def test_a_disk_takes_only_what_is_in_it_and_gives_it_back(real: LoopDisks, folder: Path) -> None:
    path = await real.ensure_disk(TASK, size_gib=20)
    image = folder / f"{TASK}.img"
    assert image.stat().st_size == 20 * GIB
    empty = image.stat().st_blocks * 512
    assert empty < 16 * 1024**2
    (path / "big").write_bytes(bytes(100 * 1024**2))
    os.sync()
    assert image.stat().st_blocks * 512 > 100 * 1024**2
    (path / "big").unlink()
    os.sync()
    assert image.stat().st_blocks * 512 < empty + 16 * 1024**2


@pytest.mark.real
async def test_more_layers_than_fit_one_page_of_options(real: LoopDisks, tmp_path: Path) -> None:
    layers = [tmp_path / "snapshots" / f"{number:020}" / "fs" for number in range(100)]
    for number, layer in enumerate(layers):
        layer.mkdir(parents=True)
        (layer / f"file{number}").touch()
    await real.ensure_disk(TASK, size_gib=1)
    root = await real.ensure_rootfs(TASK, "web", [str(layer) for layer in layers])
    assert len(list(root.iterdir())) == len(layers)


@pytest.mark.real
async def test_a_disk_in_use_is_not_pulled_away(real: LoopDisks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks_module, "UNMOUNT_TRIES", 2)
    path = await real.ensure_disk(TASK, size_gib=1)
    with (path / "open").open("w"), pytest.raises(InUse):
        await real.remove_disk(TASK)
    assert await real.read_disks() == {TASK}
    await real.remove_disk(TASK)


@pytest.mark.real
async def test_disks_made_at_once_are_whole_and_of_their_sizes(real: LoopDisks, folder: Path) -> None:
    sizes = {TASK: 1, OTHER: 2, "3" * 32: 1}
    await asyncio.gather(*(real.ensure_disk(task_id, size_gib=size) for task_id, size in sizes.items()))
    for task_id, size in sizes.items():
        assert (folder / f"{task_id}.img").stat().st_size == size * GIB
        mounts.unmount(str(folder / task_id / "fs"))
        await run("e2fsck", "-fn", str(folder / f"{task_id}.img"))


async def test_an_image_deleted_under_its_mount_leaves_nothing(real: LoopDisks, folder: Path) -> None:
    await real.ensure_disk(TASK, size_gib=1)
    (folder / f"{TASK}.img").unlink()
    await real.remove_disk(TASK)
    assert mounts.read_loops(folder / f"{TASK}.img") == []


STEPS = [
    (disks_module, "run"),
    (disks_module, "on_own_thread"),
    (mounts, "_loop_device"),
    (mounts, "_configured"),
    (mounts, "free_loop"),
    (disks_module, "_remove_empty_tree"),
    (syscalls, "mount"),
    (syscalls, "unmount"),
]


@pytest.mark.real
async def test_a_crash_at_any_step_ends_the_same(real: LoopDisks, folder: Path, lower: list[str]) -> None:
    """Interrupted anywhere on the way up, it comes up; interrupted anywhere on the way down, it is gone."""

    async def up(made: LoopDisks) -> None:
        await made.ensure_disk(TASK, size_gib=1)
        root = await made.ensure_rootfs(TASK, "web", lower)
        (root / "written").write_text("here")
        shared = await made.ensure_efs(TASK, "shared", EFS)
        (shared / "written").write_text("here")

    for way, settle in (("up", up), ("down", None)):
        for blows_at in range(1, 100):
            if way == "down":
                await up(made_disks(folder))
            fuse = Fuse(blows_at)
            with fuse.laid(STEPS), contextlib.suppress(Crash):
                await (up(made_disks(folder)) if way == "up" else made_disks(folder).remove_disk(TASK))
            after = made_disks(folder)
            if settle:
                await settle(after)
            await after.remove_disk(TASK)
            assert await after.read_disks() == set()
            assert list(folder.iterdir()) == []
            assert mounts.read_mounts_below(folder) == []
            assert (folder.with_name("shared") / "written").read_text() == "here" or way == "up"
            if not fuse.blown:
                break
        assert not fuse.blown
        assert blows_at > 4


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A host's disk of 64 MiB."""
    require_root("mkfs.ext4")
    folder = Path(tempfile.mkdtemp(prefix="bastide-small-", dir="/var/tmp"))
    image, target = folder / "image", folder / "mounted"
    with image.open("wb") as file:
        file.truncate(64 * 1024**2)
    target.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(target)], check=True)
    yield target
    subprocess.run(["umount", str(target)], check=True)
    shutil.rmtree(folder)


@pytest.mark.real
async def test_a_nearly_full_host_gives_no_new_disk_and_spares_those_there_are(small_disk: Path) -> None:
    disks = LoopDisks(small_disk / "disks", efs_file=small_disk / "efs.json", reserve_percent=20)
    mounted = await disks.ensure_disk(TASK, size_gib=1)
    try:
        (small_disk / "ballast").write_bytes(os.urandom(50 * 1024**2))
        with pytest.raises(Invalid, match=r"unable to allocate ephemeral storage: .* 20 % kept for tasks"):
            await disks.ensure_disk(OTHER, size_gib=1)
        assert await disks.read_disks() == {TASK}
        assert await disks.ensure_disk(TASK, size_gib=1) == mounted  # as an agent that comes back asks
        (mounted / "written").write_bytes(os.urandom(1024**2))
        (small_disk / "ballast").unlink()
        await disks.ensure_disk(OTHER, size_gib=1)
    finally:
        for task_id in (TASK, OTHER):
            await disks.remove_disk(task_id)
