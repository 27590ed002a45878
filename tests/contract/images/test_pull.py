"""What pulling is, for every image store; the fake and containerd alike."""

import asyncio
import gzip
import json
from collections.abc import Callable

import pytest
import zstandard
from aiohttp import web

from bastide.host.ports import Credentials, ImageConfig, Images
from bastide.model.faults import Invalid, NotFound
from tests.contract.images import archives
from tests.registry import OwnRegistry, Trouble, cut

INDEX = "application/vnd.oci.image.index.v1+json"
BIG = {"big": "0123456789abcdef" * 500_000}


def silent(what: str, done: int, total: int) -> None:
    """No progress shown."""


async def pulled(images: Images, registry: OwnRegistry, name: str = "app:1") -> ImageConfig:
    return await images.ensure_image(f"{registry.authority}/{name}", credentials=None, progress=silent)


async def test_an_image_is_pulled_under_its_digest(images: Images, registry: OwnRegistry) -> None:
    digest = registry.add("team/app", archives.oci_members())
    image = await pulled(images, registry, "team/app:1")
    assert image.reference == f"{registry.authority}/team/app@{digest}"
    assert (image.digest, image.tag, image.entrypoint) == (digest, "1", ("/bin/run",))
    assert image.used_at is not None
    assert await images.read_image(image.reference) == image
    assert (await images.read_image(f"{registry.authority}/team/app:1")).digest == digest
    assert len(await images.ensure_lower(image.reference, "key")) == 2
    await images.remove_lower("key")


@pytest.mark.parametrize("packing", ["", "gzip", "zstd"])
async def test_every_packing_of_layers(images: Images, registry: OwnRegistry, packing: str) -> None:
    packs: dict[str, Callable[[bytes], bytes]] = {
        "": bytes,
        "gzip": gzip.compress,
        "zstd": zstandard.compress,
    }
    pack = packs[packing]
    plain = [archives.tar_of({"etc/one": "1"})]
    registry.add("app", archives.layout_of(plain, packing=(packing, pack)))
    image = await pulled(images, registry)
    assert len(await images.ensure_lower(image.reference, "key")) == 1
    await images.remove_lower("key")


async def test_a_tag_is_asked_for_every_time_and_fetched_once(images: Images, registry: OwnRegistry) -> None:
    registry.add("app", archives.oci_members())
    first = await pulled(images, registry)
    before = registry.asked_for("GET ")
    again = await pulled(images, registry)
    assert again.digest == first.digest
    assert registry.asked_for("GET ") == before
    assert registry.asked_for("HEAD /v2/app/manifests/1") == 2
    second = registry.add("app", archives.oci_members([{"etc/new": "2"}]))
    assert (await pulled(images, registry)).digest == second
    assert (await images.read_image(first.reference)).digest == first.digest, "a task may stand on it"


async def test_layers_that_are_here_are_not_fetched(images: Images, registry: OwnRegistry) -> None:
    registry.add("app", archives.oci_members([{"base": "b"}, {"etc/one": "1"}]))
    await pulled(images, registry)
    registry.requests.clear()
    registry.add("app", archives.oci_members([{"base": "b"}, {"etc/two": "2"}]))
    await pulled(images, registry)
    assert registry.asked_for("GET /v2/app/blobs") == 2  # the config and the layer that is new


async def test_what_is_pinned_and_here_needs_no_registry(images: Images, registry: OwnRegistry) -> None:
    digest = registry.add("app", archives.oci_members())
    await pulled(images, registry)
    await registry.stop()
    assert (await pulled(images, registry, f"app@{digest}")).digest == digest
    with pytest.raises(Invalid, match=r"retried 5 time\(s\): failed to resolve ref .*connection refused"):
        await pulled(images, registry, "app:1")


async def test_what_was_imported_needs_no_registry(
    images: Images, registry: OwnRegistry, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = f"{registry.authority}/app:1"
    path = archives.write(tmp_path_factory.mktemp("a") / "app.tar", archives.oci_members(name=name))
    await images.import_archive(path, progress=silent)
    image = await pulled(images, registry)
    assert (image.reference, image.used_at) == (name, None)
    assert registry.requests == []


async def test_many_who_want_one_image_pull_it_once(images: Images, registry: OwnRegistry) -> None:
    registry.add("app", archives.oci_members([BIG, {"etc/one": "1"}]))
    found = await asyncio.gather(*(pulled(images, registry) for _ in range(20)))
    assert len({image.digest for image in found}) == 1
    assert registry.asked_for("GET /v2/app/blobs") == 3


async def test_of_many_who_pull_some_may_leave(images: Images, registry: OwnRegistry) -> None:
    digest = registry.add("app", archives.oci_members([BIG]))
    held = asyncio.Event()

    async def hold(_: OwnRegistry, request: web.Request) -> web.StreamResponse:
        await held.wait()
        return web.Response(body=registry.blobs[request.match_info["reference"]])

    registry.troubles.append(Trouble("blobs", hold, left=2))
    pulls = [asyncio.create_task(pulled(images, registry)) for _ in range(3)]
    async with asyncio.timeout(20):
        while not registry.asked_for("blobs"):
            await asyncio.sleep(0.01)
    pulls[0].cancel()
    await asyncio.wait([pulls[0]])
    held.set()
    assert (await pulls[1]).digest == (await pulls[2]).digest == digest


async def test_an_index_gives_this_machines_image(images: Images, registry: OwnRegistry) -> None:
    members = archives.oci_members()
    manifest = registry.add("app", members)
    other = {"mediaType": archives.MANIFEST, "digest": "sha256:" + "0" * 64, "size": 3}
    ours = {"mediaType": archives.MANIFEST, "digest": manifest, "size": len(registry.manifests["app:1"][1])}
    index = {
        "schemaVersion": 2,
        "manifests": [
            other | {"platform": {"os": "linux", "architecture": "s390x"}},
            other | {"platform": {"os": "unknown", "architecture": "unknown"}},
            ours | {"platform": {"os": "linux", "architecture": archives.ARCHITECTURE}},
        ],
    }
    digest = registry.add_manifest("app", json.dumps(index).encode(), media_type=INDEX)
    image = await pulled(images, registry)
    assert (image.digest, image.entrypoint) == (digest, ("/bin/run",))
    await registry.stop()
    assert (await pulled(images, registry, f"app@{digest}")).digest == digest


async def test_no_image_for_this_machine(images: Images, registry: OwnRegistry) -> None:
    entry = {"mediaType": archives.MANIFEST, "digest": "sha256:" + "0" * 64, "size": 3}
    index = {
        "schemaVersion": 2,
        "manifests": [entry | {"platform": {"os": "windows", "architecture": "amd64"}}],
    }
    registry.add_manifest("app", json.dumps(index).encode(), media_type=INDEX)
    wanted = f"image Manifest does not contain descriptor matching platform 'linux/{archives.ARCHITECTURE}'"
    with pytest.raises(Invalid, match=wanted):
        await pulled(images, registry)


async def test_a_layer_that_broke_is_taken_up(images: Images, registry: OwnRegistry) -> None:
    registry.add("app", archives.oci_members([BIG | {"noise": "".join(map(str, range(300_000)))}]))
    largest = max(registry.blobs.values(), key=len)
    registry.troubles.append(Trouble(archives.digest(largest), cut, left=2))
    await pulled(images, registry)
    assert len(registry.ranges) == 2


@pytest.mark.parametrize(
    "lie", ["layer", "config", "size", "config size", "media type", "count", "diff id", "layers"]
)
async def test_a_manifest_that_lies_is_refused_and_leaves_nothing(
    images: Images, registry: OwnRegistry, lie: str
) -> None:
    registry.add("app", archives.oci_members())
    manifest = json.loads(registry.manifests["app:1"][1])
    layer, config = manifest["layers"][0], manifest["config"]
    described = json.loads(registry.blobs[config["digest"]])
    match lie:
        case "layer":
            registry.blobs[layer["digest"]] = b"\x1f\x8b" + b"x" * (layer["size"] - 2)
        case "config":
            registry.blobs[config["digest"]] = b"{}".ljust(config["size"])
        case "size":
            layer["size"] -= 1
        case "config size":
            config["size"] += 1
        case "media type":
            layer["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        case "count":
            described["rootfs"]["diff_ids"].pop()
        case "diff id":
            described["rootfs"]["diff_ids"][0] = "sha256:" + "1" * 64
        case "layers":
            manifest["layers"] = [layer] * 10_000
            described["rootfs"]["diff_ids"] = described["rootfs"]["diff_ids"][:1] * 10_000
    if lie in ("count", "diff id", "layers"):
        data = json.dumps(described).encode()
        registry.blobs[archives.digest(data)] = data
        manifest["config"] = archives.descriptor(config["mediaType"], data)
    registry.add_manifest("app", json.dumps(manifest).encode())
    with pytest.raises(Invalid, match=r"has been retried \d time\(s\): "):
        await pulled(images, registry)
    assert await images.read_images() == []
    with pytest.raises(NotFound):
        await images.read_image(f"{registry.authority}/app:1")


async def test_credentials_reach_the_registry_and_no_error(images: Images, registry: OwnRegistry) -> None:
    registry.add("app", archives.oci_members())
    registry.password = "right word"
    name = f"{registry.authority}/app:1"
    await images.ensure_image(name, credentials=Credentials("me", "right word"), progress=silent)
    wrong = Credentials("me", "wrong word")
    with pytest.raises(Invalid, match="pull access denied") as refused:
        await images.ensure_image(name, credentials=wrong, progress=silent)
    assert "wrong word" not in f"{refused.value} {wrong}"


async def test_progress_of_a_pull_reaches_its_end(images: Images, registry: OwnRegistry) -> None:
    registry.add("app", archives.oci_members())
    seen: dict[str, tuple[int, int]] = {}
    name = f"{registry.authority}/app:1"
    await images.ensure_image(
        name, credentials=None, progress=lambda what, done, total: seen.update({what: (done, total)})
    )
    assert seen["download"][0] == seen["download"][1] > 0
    assert seen["unpack"][0] == seen["unpack"][1] > 0


async def test_the_cache_knows_what_is_pulled_and_what_a_task_stands_on(
    images: Images, registry: OwnRegistry, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = archives.write(tmp_path_factory.mktemp("a") / "app.tar", archives.oci_members(name="other:1"))
    await images.import_archive(path, progress=silent)
    registry.add("app", archives.oci_members([{"base": "b"}, {"one": "1"}]))
    registry.add("app", archives.oci_members([{"base": "b"}, {"two": "2"}]), tag="2")
    first, second = await pulled(images, registry, "app:1"), await pulled(images, registry, "app:2")
    await images.ensure_lower(first.reference, "key")
    cache = {one.name: one for one in await images.read_cache()}
    assert {name: one.is_in_use for name, one in cache.items()} == {
        first.reference: True,
        second.reference: False,
    }
    shared = set(cache[first.reference].layers) & set(cache[second.reference].layers)
    assert len(shared) == 1
    assert all(size > 0 for one in cache.values() for size in one.layers.values())
    await images.remove_lower("key")
