"""What there is on this host, as text: to compare before and after, byte for byte.

Namespaces, links, routes, mounts, loop devices, cgroups, nft rules and processes, without anything that
changes by itself (ids, counters, times). With `words`, only lines that contain one of them: for a machine
where others work too.
"""

import contextlib
import difflib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bastide.host.mounts import read_mounts

ARGUMENTS_KEPT_CHARS = 200
AS_BEFORE_TIMEOUT_S = 60.0


def take_snapshot(words: Sequence[str] = ()) -> str:
    """One line a thing, sorted."""
    lines = [
        *_mounts(),
        *_links(),
        *_routes(),
        *_loops(),
        *_cgroups(),
        *_rules(),
        *_processes(),
    ]
    kept = (line for line in lines if not words or any(word in line for word in words))
    return "\n".join(sorted(kept))


def take_steady_snapshot() -> str:
    """The listing, once two a moment apart are the same: what others just started has come or gone."""
    listing = take_snapshot()
    while (again := _later()) != listing:
        listing = again
    return listing


def wait_as_before(before: str) -> None:
    """Until the listing is what it was, byte for byte; an AssertionError names what came and what went."""
    end = time.monotonic() + AS_BEFORE_TIMEOUT_S
    while (now := take_snapshot()) != before:
        if time.monotonic() > end:
            raise AssertionError(
                "\n".join(difflib.unified_diff(before.splitlines(), now.splitlines(), lineterm="", n=0))
            )
        time.sleep(1)


def _later() -> str:
    time.sleep(1)
    return take_snapshot()


def _mounts() -> Iterator[str]:
    """Bound namespaces are mounts too, of type nsfs; their numbers are left out."""
    for mount in read_mounts():
        source = "" if mount.type == "nsfs" else mount.source
        yield f"mount {mount.type} {source} {mount.target}"


def _links() -> Iterator[str]:
    for line in _output("ip", "-brief", "link").splitlines():
        yield f"link {line.split()[0].partition('@')[0]}"


def _routes() -> Iterator[str]:
    for line in _output("ip", "route", "show", "table", "all").splitlines():
        yield f"route {line.strip()}"


def _loops() -> Iterator[str]:
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            yield f"loop {backing.read_text().strip()}"


def _cgroups() -> Iterator[str]:
    """Without the siblings of the group we were started in: whatever starts us makes those as it pleases."""
    ours = [line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines()]
    foreign = {str(Path(path).parent) for path in ours} - {"/"}
    for mount in read_mounts():
        if mount.type in ("cgroup", "cgroup2"):
            # os.walk passes over what goes meanwhile.
            groups = (path for path, _, _ in os.walk(mount.target))
            yield from (
                f"cgroup {path}"
                for path in groups
                if not any(path.startswith(f"{mount.target}{parent}/") for parent in foreign)
            )


def _rules() -> Iterator[str]:
    table = ""
    for line in _output("nft", "--stateless", "list", "ruleset").splitlines():
        if line.startswith("table "):
            table = line.removesuffix(" {")
        yield f"nft {table}: {line.strip()}"


def _processes() -> Iterator[str]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            arguments = " ".join(file.read_bytes().replace(b"\0", b" ").decode(errors="replace").split())
            if arguments:  # a kernel thread has none
                yield f"process {arguments[:ARGUMENTS_KEPT_CHARS]}"


def _output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    print(take_snapshot(sys.argv[1:]))
