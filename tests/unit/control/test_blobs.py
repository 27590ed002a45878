"""What is swept out of the registry, and what never is."""

import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bastide.config import Settings
from bastide.control.blobs import Sweeper
from bastide.store import Record, Store, Txn
from bastide.store.registry import repositories
from bastide.store.registry.blobs import Blobs, Incoming
from tests.unit.api.conftest import Api, context
from tests.unit.api.ecr.conftest import Ecr

GRACE_S = 1000
UPLOAD = "00000000-0000-0000-0000-00000000000"


class Registry:
    """A registry's folder and store, and the sweeper at a time of the test's choice."""

    def __init__(self, store: Store, root: Path) -> None:
        self.settings = Settings(data_root=root, registry_grace_s=GRACE_S)
        self.ecr = Ecr(Api(store))
        self.store = store
        self.blobs = Blobs(self.settings.registry_folder)
        self.uploads = 0

    def bring(self, content: bytes) -> str:
        """A blob on disk, without a record."""
        incoming = self.begin(content)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs.keep(incoming, digest)
        return digest

    def begin(self, content: bytes) -> Incoming:
        """An upload under way."""
        self.uploads += 1
        self.blobs.begin(f"{UPLOAD}{self.uploads}")
        incoming = Incoming(self.blobs.upload_path(f"{UPLOAD}{self.uploads}"))
        incoming.write([content])
        return incoming

    async def note(self, digest: str, *, added_s: float) -> None:
        """A record that lets the repository see the blob."""

        def write(txn: Txn) -> None:
            record = repositories.find_repository(txn, self.ecr.api.ctx.scope, "team/app")
            repositories.add_layer(txn, record, digest, size=10, now_s=added_s)

        await self.store.update(write)

    async def layers(self) -> list[str]:
        found: list[Record] = await self.store.view(lambda txn: txn.find(repositories.LAYER))
        return [record.name for record in found]

    async def sweep(self, *, after_s: float) -> None:
        await Sweeper(self.store, self.settings, now_s=lambda: time.time() + after_s).sweep()

    def is_there(self, digest: str) -> bool:
        return self.blobs.path_of(digest).exists()


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    (tmp_path / "bastide" / "server").mkdir(parents=True)
    store = await Store.open(f"sqlite:///{tmp_path}/store.db")
    made = Registry(store, tmp_path)
    await made.ecr.call("CreateRepository", repositoryName="team/app")
    yield made
    await store.close()


async def test_what_nothing_uses_goes_after_the_grace_time_and_not_before(registry: Registry) -> None:
    digest = registry.bring(b"a layer")
    await registry.note(digest, added_s=time.time())
    await registry.sweep(after_s=GRACE_S - 10)
    assert registry.is_there(digest)
    assert await registry.layers() == [digest]
    await registry.sweep(after_s=GRACE_S + 10)
    assert not registry.is_there(digest)
    assert await registry.layers() == []


async def test_what_an_image_is_made_of_stays_for_ever(registry: Registry) -> None:
    registry.ecr.api.ctx = context()
    await registry.ecr.put("team/app", "one", "v1")
    used = await registry.layers()
    await registry.sweep(after_s=1e9)
    assert await registry.layers() == used


async def test_a_blob_of_two_repositories_stays_until_both_have_let_go(registry: Registry) -> None:
    digest = registry.bring(b"shared")
    await registry.note(digest, added_s=time.time() + 1e6)  # seen by one repository, and young
    await registry.sweep(after_s=GRACE_S + 10)
    assert registry.is_there(digest)


async def test_a_blob_without_a_record_as_a_crash_leaves_it_goes(registry: Registry) -> None:
    digest = registry.bring(b"the server died before it was noted")
    await registry.sweep(after_s=GRACE_S + 10)
    assert not registry.is_there(digest)


async def test_an_upload_goes_when_nothing_came_for_a_while(registry: Registry) -> None:
    incoming = registry.begin(b"half")
    name = incoming.path.name

    def note(txn: Txn) -> None:
        record = repositories.find_repository(txn, registry.ecr.api.ctx.scope, "team/app")
        repositories.put_upload(txn, record, name, now_s=time.time())

    await registry.store.update(note)
    await registry.sweep(after_s=GRACE_S + 10)
    assert incoming.path.exists()  # somebody still has it open
    incoming.close()
    await registry.sweep(after_s=GRACE_S - 10)
    assert incoming.path.exists()
    await registry.sweep(after_s=GRACE_S + 10)
    assert not incoming.path.exists()
    assert await registry.store.view(lambda txn: txn.find(repositories.UPLOAD)) == []


async def test_a_blob_that_came_in_again_is_young_again(registry: Registry) -> None:
    digest = registry.bring(b"twice")
    path = registry.blobs.path_of(digest)
    os.utime(path, (0, 0))
    assert registry.bring(b"twice") == digest
    assert not registry.blobs.sweep(digest, older_than_s=time.time() - 10)
    assert registry.is_there(digest)
