"""The registry served over HTTP and TLS from a folder of the test's own, and a plain client for it."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bastide.api.connections import connection_with
from bastide.api.tls import Certificates, authority_file
from bastide.config import Settings
from bastide.store import Store
from tests.unit.api.serving import Served, serving

REGION = "eu-test-1"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


class Registry:
    """A served registry with the repositories `app` and `other`."""

    def __init__(self, served: Served, store: Store, settings: Settings) -> None:
        self.served = served
        self.store = store
        self.settings = settings
        self.ecr = served.client("ecr", region=REGION)
        self.password = self.read_password()
        self.http = httpx.AsyncClient(
            base_url=served.url, auth=("AWS", self.password), timeout=60, trust_env=False
        )

    def read_password(self) -> str:
        """What `aws ecr get-login-password` prints."""
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return base64.b64decode(token).decode().partition(":")[2]

    async def push_blob(self, content: bytes, repository: str = "app") -> str:
        """POST, then PUT; the digest."""
        begun = await self.http.post(f"/v2/{repository}/blobs/uploads/")
        digest = digest_of(content)
        put = await self.http.put(begun.headers["location"], params={"digest": digest}, content=content)
        assert put.status_code == 201, put.text
        return digest

    async def image(self, name: str, repository: str = "app", **members: Any) -> bytes:
        """The manifest of an image whose layers are there."""
        config, layer = b'{"architecture":"amd64","os":"linux"}', name.encode() * 100
        for blob in (config, layer):
            await self.push_blob(blob, repository)
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(config), "size": len(config)},
            "layers": [{"mediaType": LAYER_TYPE, "digest": digest_of(layer), "size": len(layer)}],
        }
        return json.dumps(document | members).encode()

    async def put(self, reference: str, manifest: bytes, repository: str = "app") -> httpx.Response:
        """PUT of a manifest."""
        headers = {"content-type": OCI_MANIFEST}
        return await self.http.put(
            f"/v2/{repository}/manifests/{reference}", content=manifest, headers=headers
        )

    def uploads(self) -> list[str]:
        """Files of uploads that are not finished."""
        return [path.name for path in (self.settings.registry_folder / "uploads").glob("*")]

    def files(self) -> list[str]:
        """Blobs on disk."""
        blobs = self.settings.registry_folder / "blobs"
        return [path.name for path in blobs.rglob("*") if path.is_file()]


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def code_of(response: httpx.Response) -> str:
    """The registry's error code in a refusal."""
    return str(response.json()["errors"][0]["code"])


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    settings = Settings(data_root=tmp_path, account="111122223333")
    settings.server_folder.mkdir(parents=True)
    store = await Store.open(f"sqlite:///{tmp_path}/store.db")
    http = connection_with(Certificates(settings).context)
    try:
        async with serving(store, settings, http=http) as served:
            made = await asyncio.to_thread(Registry, served, store, settings)
            for name in ("app", "other"):
                await asyncio.to_thread(made.ecr.create_repository, repositoryName=name)
            yield made
            await made.http.aclose()
    finally:
        await store.close()


@pytest.fixture
def authority(registry: Registry) -> Path:
    return authority_file(registry.settings)
