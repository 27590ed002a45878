"""Layers that are not what a layer may be: refused in ECS's words, nothing of them visible, nothing left."""

import gzip
import io
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bastide.host.containerd.images import ContainerdImages
from bastide.model.faults import Invalid
from tests.containerd_fixture import PrivateContainerd
from tests.contract.images import archives
from tests.contract.images.test_containerd_store import held
from tests.contract.images.test_pull import silent
from tests.registry import OwnRegistry

pytestmark = pytest.mark.real

Fill = Callable[[tarfile.TarFile], None]


@pytest.fixture
async def store(containerd: PrivateContainerd) -> AsyncIterator[ContainerdImages]:
    """An empty store of a containerd of our own."""
    async with containerd.images() as made:
        yield made


def tar_with(fill: Fill, *, format: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format) as tar:
        fill(tar)
    return packed.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> Fill:
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in fields.items():
        setattr(made, field, value)
    return lambda tar: tar.addfile(made, io.BytesIO(b"x" * made.size) if made.isreg() else None)


def many(tar: tarfile.TarFile) -> None:
    for number in range(10_001):
        tar.addfile(tarfile.TarInfo(f"{number}"))


def zeros(tar: tarfile.TarFile) -> None:
    made = tarfile.TarInfo("zeros")
    made.size = 300_000_000
    with Path("/dev/zero").open("rb") as nothing:
        tar.addfile(made, nothing)


@pytest.mark.parametrize(
    ("fill", "why"),
    [
        (member("../../outside"), "leads out of the image's root"),
        (member("a/../../outside"), "leads out of the image's root"),
        (member("x" * 120 + "/../../outside"), "leads out of the image's root"),
        (member("link", tarfile.LNKTYPE, linkname="../../etc/passwd"), "leads out of the image's root"),
        (member("disk", tarfile.BLKTYPE, devmajor=8, devminor=0), r"is a device \(8:0\)"),
        (member("mem", tarfile.CHRTYPE, devmajor=1, devminor=1), r"is a device \(1:1\)"),
        (member("a/.wh..."), "removes nothing that can be removed"),
        (
            member("hard", tarfile.LNKTYPE, linkname="etc/one"),
            "no such file or directory",
        ),  # of a lower layer
        (many, "more than the 10000 entries"),
        (zeros, "unpacks to more than the 200000000 bytes"),
    ],
)
async def test_it_is_refused_and_leaves_nothing(
    store: ContainerdImages, containerd: PrivateContainerd, registry: OwnRegistry, fill: Fill, why: str
) -> None:
    before = held(containerd)
    good = archives.tar_of({"etc/one": "1"})
    registry.add("app", archives.layout_of([good, tar_with(fill)], packing=("gzip", fast)))
    with pytest.raises(
        Invalid, match=r"ref pull has been retried 1 time\(s\): failed to extract layer.*" + why
    ):
        await pulled(store, registry)
    assert await store.read_images() == []
    assert held(containerd) == before
    assert not Path("/outside").exists()


def fast(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=1, mtime=0)


async def pulled(store: ContainerdImages, registry: OwnRegistry) -> list[Path]:
    """The image's lower directories, uppermost first."""
    name = f"{registry.authority}/app:1"
    image = await store.ensure_image(name, credentials=None, progress=silent)
    lowers = await store.ensure_lower(image.reference, "bad-layers")
    await store.remove_lower("bad-layers")
    return [Path(each) for each in lowers]


def half_of_too_many(tar: tarfile.TarFile) -> None:
    for number in range(6_000):
        tar.addfile(tarfile.TarInfo(f"{number}"))


def half_of_too_large(tar: tarfile.TarFile) -> None:
    made = tarfile.TarInfo("zeros")
    made.size = 120_000_000
    with Path("/dev/zero").open("rb") as nothing:
        tar.addfile(made, nothing)


@pytest.mark.parametrize(
    ("fill", "why"),
    [
        (half_of_too_many, "more than the 10000 entries"),
        (half_of_too_large, "unpacks to more than the 200000000 bytes"),
    ],
)
async def test_the_limits_are_the_whole_images(
    store: ContainerdImages, containerd: PrivateContainerd, registry: OwnRegistry, fill: Fill, why: str
) -> None:
    before = held(containerd)
    half = tar_with(fill)
    registry.add("app", archives.layout_of([half], packing=("gzip", fast)))
    assert len(await pulled(store, registry)) == 1
    registry.add("app", archives.layout_of([half, half + bytes(512)], packing=("gzip", fast)))
    with pytest.raises(Invalid, match=why):
        await pulled(store, registry)
    await store.remove_image(f"{registry.authority}/app:1")
    assert held(containerd) == before


@pytest.mark.parametrize(
    "ruin",
    [lambda data: data[: len(data) // 2], lambda data: data[:-8] + b"\0" * 8, lambda data: data + b"garbage"],
    ids=["cut", "checksum", "tail"],
)
async def test_broken_packing_is_refused(
    store: ContainerdImages, registry: OwnRegistry, ruin: Callable[[bytes], bytes]
) -> None:
    plain = archives.tar_of({"noise": "".join(map(str, range(100_000)))})
    registry.add("app", archives.layout_of([plain], packing=("gzip", lambda data: ruin(fast(data)))))
    with pytest.raises(Invalid, match=r"failed to extract layer sha256:\w+: .*gzip"):
        await pulled(store, registry)


async def test_what_is_unusual_and_right_is_taken(store: ContainerdImages, registry: OwnRegistry) -> None:
    def lower(tar: tarfile.TarFile) -> None:
        member("dir", tarfile.DIRTYPE, mode=0o755)(tar)
        member("dir/gone", size=1)(tar)
        member("dir/kept", size=2)(tar)

    def upper(tar: tarfile.TarFile) -> None:
        member("dir/.wh.gone")(tar)
        member("dir/own", size=2)(tar)
        member("dir/hard", tarfile.LNKTYPE, linkname="dir/own")(tar)
        member("away", tarfile.SYMTYPE, linkname="/etc")(tar)
        member("away/file", size=3)(tar)
        member("null", tarfile.CHRTYPE, devmajor=1, devminor=3)(tar)
        member("/absolute", size=1)(tar)
        member("n" * 200, size=1)(tar)

    plain = [tar_with(lower, format=tarfile.GNU_FORMAT), tar_with(upper, format=tarfile.GNU_FORMAT)]
    registry.add(
        "app", archives.layout_of(plain, packing=("gzip", lambda data: fast(data[:512]) + fast(data[512:])))
    )
    over, under = await pulled(store, registry)
    assert (over / "dir" / "gone").is_char_device()  # overlay's way to say so
    assert (over / "dir" / "hard").stat().st_ino == (over / "dir" / "own").stat().st_ino
    assert (under / "dir" / "kept").read_bytes() == b"xx"
    assert (over / "etc" / "file").read_bytes() == b"xxx", "the link was followed inside the image"
    assert not Path("/etc/file").exists()
    assert (over / "absolute").exists() and (over / ("n" * 200)).exists()
