"""Uploads of blobs: begun, continued, finished, mounted from another repository, asked about, cancelled."""

import re
from functools import partial
from uuid import uuid4

from bastide.api.distribution.errors import Refused, Row
from bastide.api.distribution.exchange import Disconnected, Exchange
from bastide.api.distribution.parts import Parts
from bastide.api.distribution.repositories import repository_to_push
from bastide.api.distribution.sessions import receive_into
from bastide.model.faults import Invalid, NotFound, Unavailable
from bastide.model.registry.digest import check_digest, is_digest
from bastide.store import Record, Txn
from bastide.store.registry import repositories
from bastide.store.registry.blobs import Incoming

OUT_OF_ORDER = Row("BLOB_UPLOAD_INVALID", 416, "The chunk does not begin where the upload ends")
UPLOAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(\d+)-(\d+)(?:/(?:\d+|\*))?")


async def begin(parts: Parts, exchange: Exchange, name: str, rest: str) -> None:
    """POST: an upload, or all of it at once, or a blob that is here already."""
    repository = await repository_to_push(parts, name)
    query = exchange.query
    if "mount" in query:
        digest = query["mount"]
        if await parts.store.update(partial(_mount, parts=parts, name=name, query=query)):
            await exchange.answer(201, _created(name, digest))
            return
    digest = check_digest(query["digest"]) if "digest" in query else ""
    upload_id = str(uuid4())
    await exchange.threads.submit(parts.blobs.begin, upload_id)
    await parts.store.update(
        lambda txn: repositories.put_upload(txn, repository, upload_id, now_s=parts.now_s)
    )
    if digest:
        try:
            await _receive_last(parts, exchange, repository, upload_id, digest)
        except Disconnected:  # nobody was told where to go on
            await _forget(parts, upload_id)
            raise
    else:
        await exchange.answer(202, _location(name, upload_id, 0))


async def append(parts: Parts, exchange: Exchange, name: str, upload_id: str) -> None:
    """PATCH: the next bytes."""
    await _find(parts, name, upload_id)
    async with parts.sessions.taken(upload_id) as incoming:
        _check_range(exchange, incoming, name, upload_id)
        await _receive(parts, exchange, incoming, upload_id)
        size = incoming.size
    await exchange.answer(202, _location(name, upload_id, size))


async def finish(parts: Parts, exchange: Exchange, name: str, upload_id: str) -> None:
    """PUT: the last bytes, if any, and the digest of all."""
    repository = await _find(parts, name, upload_id)
    digest = check_digest(exchange.query.get("digest", ""))
    await _receive_last(parts, exchange, repository, upload_id, digest)


async def show(parts: Parts, exchange: Exchange, name: str, upload_id: str) -> None:
    """GET: how far the upload has come."""
    await _find(parts, name, upload_id)
    size = await parts.sessions.read_size(upload_id)
    await exchange.answer(204, _location(name, upload_id, size))


async def cancel(parts: Parts, exchange: Exchange, name: str, upload_id: str) -> None:
    """DELETE: the upload is given up."""
    await _find(parts, name, upload_id)
    await _forget(parts, upload_id)
    await exchange.answer(204)


async def _receive_last(
    parts: Parts, exchange: Exchange, repository: Record, upload_id: str, digest: str
) -> None:
    name = repository.name
    async with parts.sessions.taken(upload_id) as incoming:
        _check_range(exchange, incoming, name, upload_id)
        await _receive(parts, exchange, incoming, upload_id)
        try:
            await exchange.threads.submit(parts.blobs.keep, incoming, digest)
        except (Invalid, Unavailable):
            await _forget(parts, upload_id)
            raise
        size = incoming.size
    await parts.store.update(
        lambda txn: repositories.finish_upload(
            txn, repository, upload_id, digest=digest, size=size, now_s=parts.now_s
        )
    )
    await exchange.answer(201, _created(name, digest))


async def _receive(parts: Parts, exchange: Exchange, incoming: Incoming, upload_id: str) -> None:
    try:
        await receive_into(incoming, exchange)
    except Unavailable:  # the disk is full: room is made at once, nobody goes on with half a layer
        incoming.close()
        await _forget(parts, upload_id)
        raise


async def _forget(parts: Parts, upload_id: str) -> None:
    await parts.sessions.drop(upload_id)
    await parts.store.update(partial(_delete_upload, upload_id=upload_id))


def _delete_upload(txn: Txn, upload_id: str) -> None:
    record = txn.get(repositories.UPLOAD, upload_id)
    if record is not None:
        txn.delete(record)


async def _find(parts: Parts, name: str, upload_id: str) -> Record:
    """The repository of an upload; NotFound when it is another's."""
    if not UPLOAD_ID.fullmatch(upload_id):
        raise NotFound("upload", upload_id)

    def find(txn: Txn) -> Record:
        repository = repositories.find_repository(txn, parts.scope, name)
        repositories.find_upload(txn, repository, upload_id)
        return repository

    return await parts.store.view(find)


def _mount(txn: Txn, *, parts: Parts, name: str, query: dict[str, str]) -> bool:
    """Show a blob of another repository of this registry in this one; whether there is one.

    Without a `from` any of the caller's repositories will do: "Mounting a blob from another repository".
    """
    digest, source = query["mount"], query.get("from")
    if not is_digest(digest):
        return False
    repository = repositories.find_repository(txn, parts.scope, name)
    if source:
        key = f"{repositories.repository_arn(parts.scope, source)}@{digest}"
        layer = txn.get(repositories.LAYER, key)
    else:
        found = txn.find(repositories.LAYER, scope=parts.scope, status=digest, limit=1)
        layer = found[0] if found else None
    if layer is None:
        return False
    size = layer.document["size"]
    repositories.add_layer(txn, repository, digest, size=size, now_s=parts.now_s)
    return True


def _check_range(exchange: Exchange, incoming: Incoming, name: str, upload_id: str) -> None:
    """A chunk that says where it belongs has to belong to the end of what is here."""
    told = exchange.headers.get("content-range")
    if told is None:
        return
    found = CONTENT_RANGE.fullmatch(told.strip())
    first, last = (int(found[1]), int(found[2])) if found else (-1, -1)
    length = exchange.headers.get("content-length", "")
    if length.isdecimal() and last - first + 1 != int(length):
        first = -1
    if first != incoming.size:
        raise Refused(OUT_OF_ORDER, headers=_location(name, upload_id, incoming.size))


def _location(name: str, upload_id: str, size: int) -> dict[str, str]:
    return {
        "location": f"/v2/{name}/blobs/uploads/{upload_id}",
        "range": f"0-{max(size - 1, 0)}",
        "docker-upload-uuid": upload_id,
    }


def _created(name: str, digest: str) -> dict[str, str]:
    return {"location": f"/v2/{name}/blobs/{digest}", "docker-content-digest": digest}
