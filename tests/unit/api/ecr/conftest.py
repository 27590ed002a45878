"""Operations of ECR by name, and images to put."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from bastide.api.operation import Context
from bastide.model.registry.manifest import OCI_INDEX, OCI_MANIFEST
from bastide.store import Txn
from bastide.store.registry import repositories
from tests.unit.api.conftest import NOW, Api
from tests.unit.api.conftest import api as api
from tests.unit.api.conftest import store as store

Call = Callable[..., Any]
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


class Ecr:
    """Runs ECR's operations; layers are there as records, which is all that PutImage looks at."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def call(self, operation: str, *, ctx: Context | None = None, **params: Any) -> Any:
        """Run one operation."""
        return await self.api.call(operation, service="ecr", ctx=ctx, **params)

    async def add_layer(self, repository: str, name: str, size: int = 10) -> dict[str, Any]:
        """A layer of the repository; its descriptor."""
        digest = digest_of(name)

        def write(txn: Txn) -> None:
            record = repositories.find_repository(txn, self.api.ctx.scope, repository)
            repositories.add_layer(txn, record, digest, size=size, now_s=NOW.timestamp())

        await self.api.run(write)
        return {"mediaType": LAYER_TYPE, "digest": digest, "size": size}

    async def put(self, repository: str, name: str, *tags: str, **members: Any) -> str:
        """An image of one layer under these tags; its digest."""
        config = await self.add_layer(repository, f"config of {name}") | {"mediaType": CONFIG_TYPE}
        layer = await self.add_layer(repository, name, size=1000)
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config,
            "layers": [layer],
        } | members
        return await self.put_manifest(repository, json.dumps(document), *tags)

    async def put_index(self, repository: str, *children: str, tag: str = "") -> str:
        """An index of images; its digest."""
        images = await self.call(
            "BatchGetImage", repositoryName=repository, imageIds=[{"imageDigest": one} for one in children]
        )
        named = [
            {
                "mediaType": OCI_MANIFEST,
                "digest": one["imageId"]["imageDigest"],
                "size": len(one["imageManifest"]),
            }
            for one in images["images"]
        ]
        text = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": named})
        return await self.put_manifest(repository, text, *([tag] if tag else []))

    async def put_manifest(self, repository: str, text: str, *tags: str) -> str:
        """PutImage under each tag, or none."""
        for tag in tags or [None]:
            named: dict[str, Any] = {"imageTag": tag} if tag else {}
            await self.call("PutImage", repositoryName=repository, imageManifest=text, **named)
        return digest_of(text)


def digest_of(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@pytest.fixture
async def ecr(api: Api) -> Ecr:
    made = Ecr(api)
    await made.call("CreateRepository", repositoryName="team/app")
    return made
