"""What every image store does; the fake and containerd alike."""

import asyncio
import gzip
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bastide.host.ports import Images
from bastide.model.faults import Invalid, NotFound
from tests.contract.images import archives

OCI_NAME = "registry.example:5000/team/app:1.2"
Members = dict[str, bytes]


def silent(what: str, done: int, total: int) -> None:
    """No progress shown."""


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
async def test_an_oci_archive_is_taken_in(images: Images, tmp_path: Path, packing: str) -> None:
    path = archives.write(tmp_path / "app.tar", archives.oci_members())
    if packing == "gzip":
        path.write_bytes(gzip.compress(path.read_bytes()))
    if packing == "zstd":
        if shutil.which("zstd") is None:
            pytest.skip("zstd is not installed")
        packed = subprocess.run(["zstd", "-c", path], capture_output=True, check=True).stdout  # noqa: ASYNC221
        path.write_bytes(packed)
    assert await images.import_archive(path, progress=silent) == [OCI_NAME]
    image = await images.read_image("registry.example:5000/team/app:1.2")
    assert image.entrypoint == ("/bin/run",)
    assert image.command == ("now",)
    assert image.environment == ("A=1", "B=two=2")
    assert (image.working_directory, image.user, image.stop_signal) == ("/srv", "app:web", "SIGQUIT")
    assert image.volumes == ("/cache", "/data")
    assert image.digest.startswith("sha256:")
    assert image.size_bytes > 0


async def test_a_docker_archive_is_taken_in_under_all_its_names(images: Images, tmp_path: Path) -> None:
    path = archives.write(tmp_path / "app.tar", archives.docker_members())
    names = ["docker.io/team/app:1.2", "docker.io/library/app:latest"]
    assert await images.import_archive(path, progress=silent) == names
    for spelling in ("team/app:1.2", "app", "docker.io/library/app", "index.docker.io/app:latest"):
        assert (await images.read_image(spelling)).entrypoint == ("/bin/run",)
    assert sorted(image.reference for image in await images.read_images()) == sorted(names)


async def test_an_archive_with_both_layouts_keeps_the_registrys_digest(
    images: Images, tmp_path: Path
) -> None:
    members = archives.oci_members(name=None)
    manifest = json.loads(members["index.json"])["manifests"][0]["digest"]
    config = json.loads(members[f"blobs/sha256/{manifest[7:]}"])["config"]["digest"]
    entry = {"Config": f"blobs/sha256/{config[7:]}", "RepoTags": ["both:1"], "Layers": []}
    members["manifest.json"] = json.dumps([entry]).encode()
    path = archives.write(tmp_path / "app.tar", members)
    assert await images.import_archive(path, progress=silent) == ["docker.io/library/both:1"]
    assert (await images.read_image("both:1")).digest == manifest
    assert (await images.read_image(f"both@{manifest}")).digest == manifest


async def test_a_nameless_archive_wants_a_name(images: Images, tmp_path: Path) -> None:
    path = archives.write(tmp_path / "app.tar", archives.oci_members(name=None))
    with pytest.raises(Invalid, match="does not say what its image is called"):
        await images.import_archive(path, progress=silent)
    assert await images.import_archive(path, progress=silent, name="mine") == [
        "docker.io/library/mine:latest"
    ]


async def test_a_second_import_moves_the_name(images: Images, tmp_path: Path) -> None:
    await images.import_archive(archives.write(tmp_path / "1", archives.oci_members()), progress=silent)
    first = await images.read_image(OCI_NAME)
    other = archives.oci_members([{"etc/three": "3"}])
    await images.import_archive(archives.write(tmp_path / "2", other), progress=silent)
    second = await images.read_image(OCI_NAME)
    assert first.digest != second.digest
    assert len(await images.read_images()) == 1


async def test_progress_reaches_the_end(images: Images, tmp_path: Path) -> None:
    seen: dict[str, tuple[int, int]] = {}
    path = archives.write(tmp_path / "app.tar", archives.oci_members())
    await images.import_archive(path, progress=lambda what, done, total: seen.update({what: (done, total)}))
    assert seen["store"][0] == seen["store"][1] > 0
    assert seen["unpack"][0] == seen["unpack"][1] > 0


def truncated_layer(members: Members) -> Members:
    name = archives.layer_of(members)
    return members | {name: members[name][:-20]}


def changed_layer(members: Members) -> Members:
    name = archives.layer_of(members)
    return members | {name: members[name][:-1] + b"x"}


def missing_layer(members: Members) -> Members:
    name = archives.layer_of(members)
    return {each: data for each, data in members.items() if each != name}


def changed_manifest(members: Members) -> Members:
    name = next(
        each for each, data in members.items() if b'"schemaVersion"' in data and each.startswith("blobs/")
    )
    return members | {name: members[name].replace(b'"schemaVersion": 2', b'"schemaVersion": 3')}


def garbled_index(members: Members) -> Members:
    return members | {"index.json": b'{"manifests": [}'}


def other_machine(members: Members) -> Members:
    index = json.loads(members["index.json"])
    index["manifests"][0]["platform"] = {"os": "linux", "architecture": "s390x"}
    return members | {"index.json": json.dumps(index).encode()}


@pytest.mark.parametrize(
    ("ruin", "message"),
    [
        (truncated_layer, "corrupt.*bytes instead of"),
        (changed_layer, "corrupt|other bytes"),
        (missing_layer, "corrupt.*missing"),
        (changed_manifest, "corrupt.*digest"),
        (garbled_index, r"corrupt.*index\.json"),
        (other_machine, "no image for linux/"),
    ],
)
async def test_a_corrupt_archive_is_invalid_and_leaves_nothing(
    images: Images, tmp_path: Path, ruin: Callable[[Members], Members], message: str
) -> None:
    path = archives.write(tmp_path / "app.tar", ruin(archives.oci_members()))
    with pytest.raises(Invalid, match=message):
        await images.import_archive(path, progress=silent)
    assert await images.read_images() == []


async def test_a_docker_archive_whose_layer_is_another_is_invalid(images: Images, tmp_path: Path) -> None:
    members = archives.docker_members()
    members["0/layer.tar"] = archives.tar_of({"etc/passwd": "evil"})
    path = archives.write(tmp_path / "app.tar", members)
    with pytest.raises(Invalid, match=r"corrupt.*0/layer\.tar"):
        await images.import_archive(path, progress=silent)
    assert await images.read_images() == []


@pytest.mark.parametrize("content", [b"", b"no tar at all", b"\x1f\x8bnot gzip", b"\x1f\x8b"])
async def test_what_is_no_archive_is_invalid(images: Images, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "app.tar"
    path.write_bytes(content)
    with pytest.raises(Invalid, match="corrupt"):
        await images.import_archive(path, progress=silent)


async def test_a_cut_off_archive_is_invalid(images: Images, tmp_path: Path) -> None:
    path = archives.write(tmp_path / "app.tar", archives.oci_members())
    whole = path.read_bytes()
    for kept in (600, len(whole) // 3, len(whole) // 2):
        path.write_bytes(whole[:kept])
        with pytest.raises(Invalid, match="corrupt"):
            await images.import_archive(path, progress=silent)
    assert await images.read_images() == []


async def test_a_file_that_is_not_there_is_invalid(images: Images, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="No such file"):
        await images.import_archive(tmp_path / "none.tar", progress=silent)


async def test_what_is_not_here_is_not_found(images: Images) -> None:
    with pytest.raises(NotFound):
        await images.read_image("nothing")
    with pytest.raises(NotFound):
        await images.remove_image("nothing")
    with pytest.raises(NotFound):
        await images.ensure_lower("nothing", "key")
    with pytest.raises(Invalid, match="invalid reference format"):
        await images.read_image("Not A Name")
    await images.remove_lower("never made")


async def test_lower_directories_come_uppermost_first_and_are_made_once(
    images: Images, tmp_path: Path
) -> None:
    await images.import_archive(archives.write(tmp_path / "app.tar", archives.oci_members()), progress=silent)
    keys = [f"key-{number}" for number in range(20)]
    lowers = await asyncio.gather(*(images.ensure_lower(OCI_NAME, key) for key in keys))
    assert len(set(lowers)) == 1
    assert len(lowers[0]) == 2
    assert await images.ensure_lower(OCI_NAME, keys[0]) == lowers[0]
    assert await images.read_lower_keys() == set(keys)
    for key in keys:
        await images.remove_lower(key)
        await images.remove_lower(key)
    assert await images.read_lower_keys() == set()


async def test_a_removed_image_is_gone_but_not_from_under_a_container(images: Images, tmp_path: Path) -> None:
    path = archives.write(tmp_path / "app.tar", archives.oci_members([{"etc/one": "1"}]))
    await images.import_archive(path, progress=silent)
    lower = await images.ensure_lower(OCI_NAME, "key")
    assert len(lower) == 1
    await images.remove_image(OCI_NAME)
    with pytest.raises(NotFound):
        await images.read_image(OCI_NAME)
    await images.remove_lower("key")
