"""What a mounted filesystem holds, and what its block device has done."""

import os
from pathlib import Path

from bastide.model.usage import DiskUse

DEVICES = Path("/sys/dev/block")
SECTOR_BYTES = 512  # of the kernel's counts, whatever the device's own are
MIB = 1024 * 1024


def read_disk_use(mounted: Path) -> DiskUse:
    """Preconditions: a filesystem with a block device of its own is mounted there."""
    device, held = mounted.stat().st_dev, os.statvfs(mounted)
    major, minor = os.major(device), os.minor(device)
    counts = [int(word) for word in (DEVICES / f"{major}:{minor}" / "stat").read_text().split()]
    return DiskUse(
        used_mib=(held.f_blocks - held.f_bfree) * held.f_frsize // MIB,
        major=major,
        minor=minor,
        reads=counts[0],
        read_bytes=counts[2] * SECTOR_BYTES,
        writes=counts[4],
        written_bytes=counts[6] * SECTOR_BYTES,
    )
