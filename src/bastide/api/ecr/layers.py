"""Layers by AWS's own calls: asked about, uploaded in parts, read by a link. Docker and its like use /v2."""

import asyncio
from collections.abc import Mapping
from functools import partial
from uuid import uuid4

from bastide.api.distribution.access import sign_link
from bastide.api.ecr.named import called, named_repository
from bastide.api.operation import Context, Document, Operation, Params, Performs, Reads, Result
from bastide.model.faults import AlreadyExists, Invalid, NotFound
from bastide.model.registry.digest import is_digest
from bastide.store import Record, Store, Txn
from bastide.store.registry import repositories
from bastide.store.registry.blobs import Blobs, Incoming

PART_BYTES = 20 * 1024 * 1024
DIGESTS_MAX = 100


def batch_check_layer_availability(txn: Txn, context: Context, params: Params) -> Result:
    """Which layers need no upload."""
    repository = named_repository(txn, context, params)
    digests = params["layerDigests"]
    if not 1 <= len(digests) <= DIGESTS_MAX:
        why = (
            "Invalid parameter at 'layerDigests' failed to satisfy constraint: "
            f"'Member must have length between 1 and {DIGESTS_MAX}'"
        )
        raise Invalid("parameter", why=why)
    layers: list[Document] = []
    failures: list[Document] = []
    for digest in digests:
        if not digest or not is_digest(digest):
            code = "InvalidLayerDigest" if digest else "MissingLayerDigest"
            reason = "The layer digest is invalid" if digest else "The layer digest is missing"
            failures.append({"layerDigest": digest, "failureCode": code, "failureReason": reason})
            continue
        found = repositories.find_layer(txn, repository, digest)
        told: Document = {"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}
        if found is not None:
            told |= {"layerAvailability": "AVAILABLE", "layerSize": found.document["size"]}
        layers.append(told)
    return {"layers": layers, "failures": failures}


def get_download_url_for_layer(txn: Txn, context: Context, params: Params) -> Result:
    """An address whoever has it can read the layer at for an hour."""
    repository = named_repository(txn, context, params)
    digest = params["layerDigest"]
    if not is_digest(digest) or repositories.find_layer(txn, repository, digest) is None:
        account = repository.scope.partition("/")[0]
        why = (
            f"Layers with digests '{digest}' not found in repository with name '{repository.name}' in "
            f"registry with id '{account}'"
        )
        raise NotFound("layers", digest, why=why)
    grant = sign_link(context.vault, repository.key, digest, now=context.now)
    url = f"{context.settings.endpoint}/v2/{repository.name}/blobs/{digest}?{grant}"
    return {"downloadUrl": url, "layerDigest": digest}


async def initiate_layer_upload(store: Store, context: Context, params: Params) -> Result:
    """An upload without a byte yet."""
    upload_id = str(uuid4())
    await store.view(lambda txn: named_repository(txn, context, params))
    await asyncio.to_thread(_blobs(context).begin, upload_id)

    def write(txn: Txn) -> None:
        repository = named_repository(txn, context, params)
        repositories.put_upload(txn, repository, upload_id, now_s=context.now_s)

    await store.update(write)
    return {"uploadId": upload_id, "partSize": PART_BYTES}


async def upload_layer_part(store: Store, context: Context, params: Params) -> Result:
    """The next part; it has to begin where the last one ended."""
    repository = await store.view(partial(_find_upload, context=context, params=params))
    last = await asyncio.to_thread(_append, _blobs(context), params)
    shown: Result = {**called(repository), "uploadId": params["uploadId"], "lastByteReceived": last}
    return shown


async def complete_layer_upload(store: Store, context: Context, params: Params) -> Result:
    """The upload becomes a layer, if its digest is the one told."""
    repository = await store.view(partial(_find_upload, context=context, params=params))
    upload_id, digests = params["uploadId"], params["layerDigests"]
    if len(digests) != 1 or not is_digest(digests[0]):
        why = "Invalid parameter at 'layerDigests' failed to satisfy constraint: 'one digest, of sha256'"
        raise Invalid("parameter", why=why)
    digest = digests[0]
    there = await store.view(lambda txn: repositories.find_layer(txn, repository, digest))
    if there is not None:
        why = (
            f"The image layer '{digest}' already exists in the repository with name '{repository.name}' in "
            f"the registry with id '{repository.scope.partition('/')[0]}'"
        )
        raise AlreadyExists("layer", digest, why=why)
    size = await asyncio.to_thread(_keep, _blobs(context), upload_id, digest)
    await store.update(
        lambda txn: repositories.finish_upload(
            txn, repository, upload_id, digest=digest, size=size, now_s=context.now_s
        )
    )
    shown: Result = {**called(repository), "uploadId": upload_id, "layerDigest": digest}
    return shown


def _find_upload(txn: Txn, *, context: Context, params: Params) -> Record:
    """The upload's repository."""
    repository = named_repository(txn, context, params)
    repositories.find_upload(txn, repository, params["uploadId"])
    return repository


def _append(blobs: Blobs, params: Params) -> int:
    """On a thread: write the part behind what is there; the last byte there is."""
    first, last = params["partFirstByte"], params["partLastByte"]
    part: bytes = params["layerPartBlob"]
    incoming = Incoming(blobs.upload_path(params["uploadId"]))
    try:
        if first != incoming.size or last - first + 1 != len(part):
            why = (
                f"The layer part of the bytes {first} to {last} with {len(part)} bytes does not follow the "
                f"last valid byte {incoming.size - 1}"
            )
            raise Invalid("layer part", why=why)
        incoming.write([part])
        return incoming.size - 1
    finally:
        incoming.close()


def _keep(blobs: Blobs, upload_id: str, digest: str) -> int:
    """On a thread: check and keep the upload; its size."""
    incoming = Incoming(blobs.upload_path(upload_id))
    try:
        size = incoming.size
        if size == 0:
            raise Invalid("empty upload", upload_id, why=f"The upload '{upload_id}' has no layer parts")
        try:
            blobs.keep(incoming, digest)
        except Invalid as error:
            raise Invalid("layer", digest, why=error.why) from error
        return size
    finally:
        incoming.close()


def _blobs(context: Context) -> Blobs:
    return Blobs(context.settings.registry_folder)


OPERATIONS: Mapping[str, Operation] = {
    "BatchCheckLayerAvailability": Reads(batch_check_layer_availability),
    "CompleteLayerUpload": Performs(complete_layer_upload),
    "GetDownloadUrlForLayer": Reads(get_download_url_for_layer),
    "InitiateLayerUpload": Performs(initiate_layer_upload),
    "UploadLayerPart": Performs(upload_layer_part),
}
