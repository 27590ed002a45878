"""A host whose disk is nearly full starts nothing new, says why, and those who run go on."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real

SIZE_MIB = 256
WRITER = "while true; do dd if=/dev/zero of=/f bs=64k count=16 2>/dev/null || exit 9; sleep 0.2; done"
LEFT_BYTES = 6 * 1024**2  # of which the reserve of 5 % would be twice as much


@pytest.fixture
def small_disk(bastide: Installation) -> Iterator[Path]:
    """A disk of 256 MiB where the tasks' disks are kept."""
    folder = Path(tempfile.mkdtemp(prefix="bastide-pressure-", dir="/var/tmp"))
    image, disks = folder / "image", bastide.folder / "data" / bastide.instance / "agent" / "disks"
    with image.open("wb") as file:
        file.truncate(SIZE_MIB * 1024**2)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    disks.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(disks)], check=True)
    try:
        yield disks
    finally:
        subprocess.run(["umount", "--lazy", str(disks)], check=True)
        shutil.rmtree(folder)


def test_a_nearly_full_host_refuses_new_tasks_and_spares_those_that_run(
    bastide: Installation, small_disk: Path
) -> None:
    arn = bastide.register("pressed", shell("app", WRITER, log=False, stopTimeout=2))
    running = bastide.run_task(arn)[0]
    bastide.wait(running, "RUNNING")
    ballast, seen = small_disk / "ballast.img", os.statvfs(small_disk)
    try:
        ballast.write_bytes(bytes(seen.f_bavail * seen.f_frsize - LEFT_BYTES))
        refused = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    finally:
        ballast.unlink()
    assert refused["stopCode"] == "TaskFailedToStart"
    assert refused["stoppedReason"].startswith(
        "ResourceInitializationError: unable to allocate ephemeral storage: 0.0 GiB of the host's disk"
    )
    assert bastide.describe(running)[0]["lastStatus"] == "RUNNING"
    after = bastide.run_task(arn)[0]
    bastide.wait(after, "RUNNING")
    bastide.stop(running, after)
