"""Images of another registry (Debian's docker-registry): the first pull fetches, later ones are local."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from bastide.store import Txn
from bastide.store.registry import images
from tests.contract.registry.conftest import CONFIG_TYPE, OCI_MANIFEST, Registry, code_of, digest_of
from tests.registry import Trouble, cut, own_registry

START_S = 20.0


class Other:
    """Another registry on loopback, with one image `tools/app:v1`."""

    def __init__(self, folder: Path, program: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.host = f"127.0.0.1:{self.port}"
        self.program = program
        self.settings = folder / "registry.yml"
        text = (
            f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{self.host}'}}\n"
            f"storage: {{filesystem: {{rootdirectory: '{folder / 'other'}'}}}}\n"
        )
        self.settings.write_text(text)
        self.process: asyncio.subprocess.Process | None = None
        self.http = httpx.AsyncClient(base_url=f"http://{self.host}", trust_env=False)

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(self.program, "serve", self.settings)
        until = asyncio.get_running_loop().time() + START_S
        while True:
            try:
                return await self._ready()
            except httpx.HTTPError:
                assert asyncio.get_running_loop().time() < until, "docker-registry does not answer"
                await asyncio.sleep(0.05)

    async def _ready(self) -> None:
        await self.http.get("/v2/")

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    async def push(self, tag: str, layer: bytes) -> bytes:
        """An image of one layer; its manifest."""
        config = b'{"architecture":"amd64","os":"linux"}'
        for blob in (config, layer):
            begun = await self.http.post("/v2/tools/app/blobs/uploads/")
            location = httpx.URL(begun.headers["location"]).copy_merge_params({"digest": digest_of(blob)})
            assert (await self.http.put(location, content=blob)).status_code == 201
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(config), "size": len(config)},
            "layers": [{"mediaType": "a/b", "digest": digest_of(layer), "size": len(layer)}],
        }
        manifest = json.dumps(document).encode()
        headers = {"content-type": OCI_MANIFEST}
        put = await self.http.put(f"/v2/tools/app/manifests/{tag}", content=manifest, headers=headers)
        assert put.status_code == 201, put.text
        return manifest


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Other]:
    program = shutil.which("docker-registry")
    if program is None and os.environ.get("BASTIDE_TEST_REAL") != "1":
        pytest.skip("docker-registry is not installed: tools/setup --dev")
    made = Other(tmp_path, program or "docker-registry")
    await made.start()
    yield made
    await made.http.aclose()
    await made.stop()


async def make_rule(registry: Registry, other: Other, prefix: str = "hub") -> None:
    await asyncio.to_thread(
        registry.ecr.create_pull_through_cache_rule,
        ecrRepositoryPrefix=prefix,
        upstreamRegistryUrl=other.host,
    )


@pytest.mark.real
async def test_the_first_pull_fetches_and_later_ones_are_local(registry: Registry, other: Other) -> None:
    layer = os.urandom(3_000_000)
    manifest = await other.push("v1", layer)
    await make_rule(registry, other)
    valid = await asyncio.to_thread(registry.ecr.validate_pull_through_cache_rule, ecrRepositoryPrefix="hub")
    assert valid["isValid"]

    path = f"/v2/hub/tools/app/blobs/{digest_of(layer)}"
    first = await registry.http.get("/v2/hub/tools/app/manifests/v1")
    assert (first.status_code, first.content) == (200, manifest)
    pulls = await asyncio.gather(*(registry.http.get(path) for _ in range(8)))
    assert all(pull.content == layer for pull in pulls)
    assert len(registry.files()) == 1
    assert registry.uploads() == []

    await other.stop()
    again = await registry.http.get("/v2/hub/tools/app/manifests/v1")
    assert (again.content, (await registry.http.get(path)).content) == (manifest, layer)
    unknown = await registry.http.get("/v2/hub/tools/app/manifests/v2")
    assert (unknown.status_code, code_of(unknown)) == (502, "UNAVAILABLE")
    valid = await asyncio.to_thread(registry.ecr.validate_pull_through_cache_rule, ecrRepositoryPrefix="hub")
    assert not valid["isValid"]
    shown = await asyncio.to_thread(registry.ecr.describe_images, repositoryName="hub/tools/app")
    assert shown["imageDetails"][0]["imageTags"] == ["v1"]


@pytest.mark.real
async def test_a_tag_is_asked_for_again_after_a_day(registry: Registry, other: Other) -> None:
    await other.push("latest", b"yesterday's")
    await make_rule(registry, other)
    path = "/v2/hub/tools/app/manifests/latest"
    await registry.http.get(path)
    newer = await other.push("latest", b"today's")
    assert (await registry.http.get(path)).content != newer

    def grow_old(txn: Txn) -> None:
        (tag,) = txn.find(images.TAG, name="latest")
        txn.put(tag.changed(document={"checkedAt": 0}))

    await registry.store.update(grow_old)
    assert (await registry.http.get(path)).content == newer


@pytest.mark.real
async def test_an_immutable_tag_stays_with_its_image_when_the_other_registry_moves_it(
    registry: Registry, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bastide.api.distribution.cache.fetching.CHECKED_EVERY_S", -1.0)
    await asyncio.to_thread(
        registry.ecr.create_repository_creation_template,
        prefix="hub",
        appliedFor=["PULL_THROUGH_CACHE"],
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
    )
    await make_rule(registry, other)
    for tag in ("v1", "dev-1"):
        first = await other.push(tag, b"the first")
        path = f"/v2/hub/tools/app/manifests/{tag}"
        assert (await registry.http.get(path)).content == first
        second = await other.push(tag, b"the second")
        assert (await registry.http.get(path)).content == (first if tag == "v1" else second)


async def test_what_came_broken_is_not_kept_and_comes_whole_the_next_time(registry: Registry) -> None:
    content = os.urandom(100_000)
    path = f"/v2/own/app/blobs/{digest_of(content)}"
    async with own_registry() as own:
        await asyncio.to_thread(
            registry.ecr.create_pull_through_cache_rule,
            ecrRepositoryPrefix="own",
            upstreamRegistryUrl=own.authority,
        )
        own.blobs[digest_of(content)] = content
        own.troubles.append(Trouble("/blobs/", cut))
        own.fail("/blobs/", lambda: web.Response(body=b"a page of some proxy's"))
        own.fail("/manifests/", lambda: web.Response(body=b"\xff no manifest"))
        for wanted in (path, path, "/v2/own/app/manifests/v1"):
            refused = await registry.http.get(wanted)
            assert (refused.status_code, code_of(refused)) == (502, "UNAVAILABLE")
        assert (registry.files(), registry.uploads()) == ([], [])
        assert (await registry.http.get(path)).content == content


@pytest.mark.real
async def test_what_the_other_registry_has_not_is_not_here_either(registry: Registry, other: Other) -> None:
    await make_rule(registry, other)
    answer = await registry.http.get("/v2/hub/tools/app/manifests/v1")
    assert (answer.status_code, code_of(answer)) == (404, "NAME_UNKNOWN")
    await other.push("v1", b"layer")
    await registry.http.get("/v2/hub/tools/app/manifests/v1")
    nothing = await registry.http.get(f"/v2/hub/tools/app/blobs/{digest_of(b'nothing')}")
    assert (nothing.status_code, code_of(nothing)) == (404, "BLOB_UNKNOWN")


async def test_rules_are_made_changed_described_and_deleted(registry: Registry) -> None:
    ecr = registry.ecr

    def story() -> None:
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        with pytest.raises(ecr.exceptions.PullThroughCacheRuleAlreadyExistsException):
            ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay/", upstreamRegistryUrl="quay.io")
        with pytest.raises(ecr.exceptions.UnsupportedUpstreamRegistryException):
            ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="x1", upstreamRegistryUrl="http://x y")
        secret = "arn:aws:secretsmanager:eu-test-1:111122223333:secret:ecr-pullthroughcache/quay-AbCdEf"
        ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="quay", credentialArn=secret)
        (rule,) = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
        assert (rule["upstreamRegistry"], rule["credentialArn"]) == ("quay", secret)
        told = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="quay")
        assert told["failure"] == f"The secret {secret} does not exist"
        ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
        with pytest.raises(ecr.exceptions.PullThroughCacheRuleNotFoundException):
            ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")

    await asyncio.to_thread(story)


async def test_a_template_makes_the_repository_of_a_push(registry: Registry) -> None:
    ecr = registry.ecr

    def make() -> None:
        ecr.create_repository_creation_template(
            prefix="team",
            appliedFor=["CREATE_ON_PUSH"],
            imageTagMutability="IMMUTABLE",
            resourceTags=[{"Key": "team", "Value": "a"}],
        )
        with pytest.raises(ecr.exceptions.TemplateAlreadyExistsException):
            ecr.create_repository_creation_template(prefix="team", appliedFor=["CREATE_ON_PUSH"])
        ecr.update_repository_creation_template(prefix="team", description="of the team")
        (shown,) = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
        assert (shown["description"], shown["imageTagMutability"]) == ("of the team", "IMMUTABLE")

    await asyncio.to_thread(make)
    assert (await registry.put("v1", await registry.image("one", "team/new"), "team/new")).status_code == 201
    shown = await asyncio.to_thread(ecr.describe_repositories, repositoryNames=["team/new"])
    (repository,) = shown["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    arn = repository["repositoryArn"]
    tags = await asyncio.to_thread(ecr.list_tags_for_resource, resourceArn=arn)
    assert tags["tags"] == [{"Key": "team", "Value": "a"}]
    refused = await registry.http.post("/v2/teams/new/blobs/uploads/")
    assert code_of(refused) == "NAME_UNKNOWN"
    await asyncio.to_thread(ecr.delete_repository_creation_template, prefix="team")
    with pytest.raises(ecr.exceptions.TemplateNotFoundException):
        await asyncio.to_thread(ecr.delete_repository_creation_template, prefix="team")
