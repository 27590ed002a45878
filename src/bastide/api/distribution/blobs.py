"""Blobs of a repository: read whole or in part, told about, taken out."""

import os
import re
from functools import partial

from bastide.api.distribution.cache.fetching import rule_for
from bastide.api.distribution.errors import Refused, Row
from bastide.api.distribution.exchange import Exchange
from bastide.api.distribution.parts import Parts
from bastide.model.faults import InUse, NotFound
from bastide.model.registry.digest import check_digest
from bastide.store import Record, Txn
from bastide.store.registry import images, repositories

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
UNSATISFIABLE = Row("BLOB_UNKNOWN", 416, "The blob has no such range")
A_YEAR = "max-age=31536000"


async def read(parts: Parts, exchange: Exchange, name: str, rest: str) -> None:
    """GET and HEAD."""
    digest = check_digest(rest)
    layer = await _find_or_fetch(parts, name, digest)
    size = int(layer.document["size"])
    headers = {
        "content-type": "application/octet-stream",
        "docker-content-digest": digest,
        "accept-ranges": "bytes",
        "etag": f'"{digest}"',
        "cache-control": A_YEAR,
    }
    status, offset, count = 200, 0, size
    if part := _range_of(exchange, size):
        status, (offset, count) = 206, part
        headers["content-range"] = f"bytes {offset}-{offset + count - 1}/{size}"
    if exchange.method == "HEAD":
        if parts.now_s - layer.document["addedAt"] > parts.settings.registry_grace_s / 2:
            # Whoever asks may be about to push an image of it: it is kept as if it had come now.
            await parts.store.update(partial(_touch, key=layer.key, now_s=parts.now_s))
        await exchange.answer(200, headers | {"content-length": str(size)})
        return
    handle = await exchange.threads.submit(parts.blobs.open, digest)
    try:
        await exchange.answer_file(status, headers, handle, offset=offset, count=count)
    finally:
        os.close(handle)


async def remove(parts: Parts, exchange: Exchange, name: str, rest: str) -> None:
    """DELETE: out of this repository. The bytes go later, when no other has them."""
    digest = check_digest(rest)
    await parts.store.update(lambda txn: _remove(txn, parts.scope, name, digest))
    await exchange.answer(202)


async def _find_or_fetch(parts: Parts, name: str, digest: str) -> Record:
    """The layer's record; one that comes by a pull-through rule is fetched first."""
    find = partial(_find, scope=parts.scope, name=name, digest=digest)
    try:
        return await parts.store.view(find)
    except NotFound:
        rule = await rule_for(parts, name)
        if rule is None:
            raise
    await parts.fetches.once(parts, rule, name, digest)
    return await parts.store.view(find)


def _find(txn: Txn, scope: str, name: str, digest: str) -> Record:
    repository = repositories.find_repository(txn, scope, name)
    layer = repositories.find_layer(txn, repository, digest)
    if layer is None:
        raise NotFound("blob", digest)
    return layer


def _touch(txn: Txn, *, key: str, now_s: float) -> None:
    layer = txn.get(repositories.LAYER, key)
    if layer is not None:
        txn.put(layer.changed(document={**layer.document, "addedAt": now_s}))


def _remove(txn: Txn, scope: str, name: str, digest: str) -> None:
    layer = _find(txn, scope, name, digest)
    repository = repositories.find_repository(txn, scope, name)
    if digest in images.used_digests(txn, repository):
        why = f"The layer '{digest}' is part of an image of the repository '{name}'"
        raise InUse("layer", digest, why=why)
    txn.delete(layer)


def _range_of(exchange: Exchange, size: int) -> tuple[int, int] | None:
    """Offset and length of the one range asked for; None for all, as RFC 9110 lets a server choose."""
    found = RANGE.fullmatch(exchange.headers.get("range", "").strip())
    if exchange.method == "HEAD" or found is None or not (found[1] or found[2]):
        return None
    if found[1]:
        first = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
    else:
        first, last = max(size - int(found[2]), 0), size - 1
    if first >= size or last < first:
        raise Refused(UNSATISFIABLE, headers={"content-range": f"bytes */{size}"})
    return first, last - first + 1
