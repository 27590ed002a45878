"""What is really in containerd's store: the layers' files, and nothing once an import failed."""

import asyncio
import gzip
import hashlib
import os
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.cli.demo_image import BUSYBOX, FULL_NAME, write_demo_image
from bastide.host.containerd.content import Content
from bastide.host.containerd.images import ContainerdImages
from bastide.host.containerd.leases import Leases
from bastide.host.image_archive.archive import Blob
from bastide.model.faults import Invalid, Unavailable
from tests.containerd_fixture import PrivateContainerd, skip_real
from tests.contract.images import archives
from tests.contract.images.test_images import OCI_NAME, changed_layer, silent

pytestmark = pytest.mark.real


@pytest.fixture
async def store(containerd: PrivateContainerd) -> AsyncIterator[ContainerdImages]:
    """An empty store of a containerd of our own."""
    async with containerd.images() as made:
        yield made


def held(containerd: PrivateContainerd) -> list[str]:
    """All content, unfinished content, snapshots and leases of the namespace, and files on their way."""
    ctr = [str(containerd.ctr), "--address", str(containerd.daemon.socket)]
    found = []
    for kind in (["content", "ls", "-q"], ["content", "active"], ["snapshots", "ls"], ["leases", "ls", "-q"]):
        command = [*ctr, "--namespace", containerd.instance, *kind]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found += [line for line in text.splitlines() if not line.startswith(("REF", "KEY"))]
    scratch = (containerd.daemon.data_folder / "tmp").rglob("*")
    return found + [str(path) for path in scratch if not path.is_dir()]


async def test_lower_directories_hold_the_layers_files(store: ContainerdImages, tmp_path: Path) -> None:
    await store.import_archive(archives.write(tmp_path / "app.tar", archives.oci_members()), progress=silent)
    upper, lower = (Path(each) for each in await store.ensure_lower(OCI_NAME, "files"))
    assert (upper / "etc" / "both").read_text() == "upper"
    assert (lower / "etc" / "both").read_text() == "lower"
    assert not (upper / "etc" / "one").exists()
    await store.remove_lower("files")


async def test_a_failed_import_leaves_nothing(
    store: ContainerdImages, containerd: PrivateContainerd, tmp_path: Path
) -> None:
    before = held(containerd)
    path = archives.write(tmp_path / "app.tar", changed_layer(archives.oci_members()))
    with pytest.raises(Invalid):
        await store.import_archive(path, progress=silent)
    assert held(containerd) == before


async def test_a_cancelled_import_leaves_nothing(
    store: ContainerdImages, containerd: PrivateContainerd, tmp_path: Path
) -> None:
    before = held(containerd)
    path = archives.write(tmp_path / "app.tar", archives.oci_members([{"big": "x" * 50_000_000}]))
    path.write_bytes(gzip.compress(path.read_bytes(), compresslevel=1))
    stored = asyncio.Event()
    importing = asyncio.create_task(store.import_archive(path, progress=lambda *_: stored.set()))
    await stored.wait()
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    assert held(containerd) == before


async def test_a_removed_image_takes_its_content_with_it(
    store: ContainerdImages, containerd: PrivateContainerd, tmp_path: Path
) -> None:
    before = held(containerd)
    await store.import_archive(archives.write(tmp_path / "app.tar", archives.oci_members()), progress=silent)
    lowers = await store.ensure_lower(OCI_NAME, "used")
    await store.remove_image(OCI_NAME)
    assert (Path(lowers[0]) / "etc" / "two").read_text() == "2", "a layer in use stays"
    await store.remove_lower("used")
    other = archives.write(tmp_path / "other.tar", archives.oci_members([{"a": "b"}], name="other:1"))
    await store.import_archive(other, progress=silent)
    await store.remove_image("other:1")  # the collector runs before this answers
    assert held(containerd) == before


async def test_snapshots_are_made_again_when_they_are_gone(
    store: ContainerdImages, containerd: PrivateContainerd, tmp_path: Path
) -> None:
    await store.import_archive(archives.write(tmp_path / "app.tar", archives.oci_members()), progress=silent)
    ctr = [str(containerd.ctr), "--address", str(containerd.daemon.socket)]
    ctr += ["--namespace", containerd.instance, "snapshots"]
    listing = subprocess.run([*ctr, "ls"], capture_output=True, text=True, check=True).stdout  # noqa: ASYNC221
    for line in sorted(listing.splitlines()[1:], key=lambda line: len(line.split()), reverse=True):
        subprocess.run([*ctr, "rm", line.split()[0]], check=True)  # noqa: ASYNC221
    keys = [f"again-{number}" for number in range(20)]
    lowers = await asyncio.gather(*(store.ensure_lower(OCI_NAME, key) for key in keys))
    assert len(set(lowers)) == 1
    assert (Path(lowers[0][0]) / "etc" / "both").read_text() == "upper"
    for key in keys:
        await store.remove_lower(key)


async def test_an_unpacked_image_costs_milliseconds(store: ContainerdImages, tmp_path: Path) -> None:
    await store.import_archive(archives.write(tmp_path / "app.tar", archives.oci_members()), progress=silent)
    took = []
    for number in range(10):
        began = time.perf_counter()
        await store.ensure_lower(OCI_NAME, f"quick-{number}")
        took.append(time.perf_counter() - began)
    for number in range(10):
        await store.remove_lower(f"quick-{number}")
    assert sorted(took)[5] < 0.1  # 3 ms on an idle machine


async def test_a_killed_containerd_fails_the_import_and_the_next_one_succeeds(
    store: ContainerdImages, containerd: PrivateContainerd, tmp_path: Path
) -> None:
    path = archives.write(tmp_path / "app.tar", archives.oci_members())
    containerd.kill()
    try:
        with pytest.raises(Unavailable):
            await store.import_archive(path, progress=silent)
    finally:
        containerd.start()
    async with asyncio.timeout(10):
        while True:  # the line is picked up again within a moment
            try:
                assert await store.import_archive(path, progress=silent) == [OCI_NAME]
                return
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_the_demo_image_is_the_same_every_time_and_can_be_imported(
    store: ContainerdImages, tmp_path: Path
) -> None:
    if not BUSYBOX.exists():
        skip_real("busybox-static is not installed")
    write_demo_image(tmp_path / "one.tar")
    write_demo_image(tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert await store.import_archive(tmp_path / "one.tar", progress=silent) == [FULL_NAME]
    lower = Path((await store.ensure_lower("bastide-demo", "demo"))[0])
    assert (lower / "bin" / "httpd").readlink() == Path("busybox")
    assert (lower / "tmp").stat().st_mode & 0o7777 == 0o1777
    await store.remove_lower("demo")


async def test_a_large_layer_costs_no_memory(containerd: PrivateContainerd) -> None:
    channel = containerd.channel()
    content, piece = Content(channel), os.urandom(1024 * 1024)
    digest, size = hashlib.sha256(), 200 * len(piece)
    for _ in range(200):
        digest.update(piece)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(200):
            held_mib.append(resident_mib())
            yield piece

    held_mib: list[int] = []
    blob = Blob(media_type="", digest=f"sha256:{digest.hexdigest()}", size=size)
    async with Leases(channel).lease() as lease:
        await content.write(blob, pieces(), lease=lease, taken=lambda _: None)
    await channel.close()
    assert max(held_mib) - held_mib[0] < 64


def resident_mib() -> int:
    """What this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024**2
