"""Manifests of a repository: read, put under a digest and tags, taken away."""

import asyncio
import contextlib
from functools import partial

from bastide.api.distribution.cache.fetching import fetch_manifest
from bastide.api.distribution.exchange import Exchange
from bastide.api.distribution.parts import Parts
from bastide.api.distribution.repositories import repository_to_push
from bastide.model.faults import Invalid, NotFound, Unavailable
from bastide.model.registry.digest import CANONICAL, algorithm_of, check_digest, digest_of
from bastide.model.registry.manifest import MAX_BYTES, Manifest, parse_manifest
from bastide.model.registry.tag_rules import is_tag
from bastide.store import Record, Txn
from bastide.store.registry import images, repositories

PULL_NOTED_EVERY_S = 60.0  # ECR notes pulls once a day; a write for every pull would cost a sync each


async def read(parts: Parts, exchange: Exchange, name: str, reference: str) -> None:
    """GET and HEAD, by tag or digest."""
    _check_reference(reference)
    image, content = await _read_or_fetch(parts, name, reference)
    if exchange.method == "GET" and parts.now_s - image.document.get("pulledAt", 0) > PULL_NOTED_EVERY_S:
        with contextlib.suppress(Unavailable):  # on a full disk images can still be pulled
            await parts.store.update(partial(_note_pull, key=image.key, now_s=parts.now_s))
    headers = {
        "content-type": image.document["mediaType"],
        "docker-content-digest": image.name,
        "etag": f'"{image.name}"',
    }
    body = content.encode()
    await exchange.answer(200, headers | {"content-length": str(len(body))}, body)


async def put(parts: Parts, exchange: Exchange, name: str, reference: str) -> None:
    """PUT, by tag or digest; `?tag=` adds tags to a digest."""
    _check_reference(reference)
    await repository_to_push(parts, name)
    body = await exchange.body(limit_bytes=MAX_BYTES)
    manifest = await _parsed(body, exchange.headers.get("content-type", ""))
    is_by_digest = ":" in reference
    digest = digest_of(body, algorithm_of(reference) if is_by_digest else CANONICAL)
    if is_by_digest and digest != reference:
        why = f"The digest of the manifest is '{digest}', not '{reference}'"
        raise Invalid("digest", reference, why=why)
    tags = exchange.query_values("tag") if is_by_digest else [reference]
    for tag in tags:
        _check_tag(tag)
    push = images.Push(digest=digest, content=body.decode(), manifest=manifest, tags=tags)

    def write(txn: Txn) -> None:
        repository = repositories.find_repository(txn, parts.scope, name)
        images.put_image(txn, repository, push, now_s=parts.now_s)

    await parts.store.update(write)
    headers = {"location": f"/v2/{name}/manifests/{digest}", "docker-content-digest": digest}
    if manifest.subject is not None:
        headers["oci-subject"] = manifest.subject.digest
    if is_by_digest and tags:
        headers["oci-tag"] = ", ".join(tags)
    await exchange.answer(201, headers)


async def remove(parts: Parts, exchange: Exchange, name: str, reference: str) -> None:
    """DELETE: a tag alone, or an image with all its tags."""
    _check_reference(reference)
    await parts.store.update(lambda txn: _remove(txn, parts, name, reference))
    await exchange.answer(202)


async def _parsed(body: bytes, media_type: str) -> Manifest:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise Invalid("manifest", why="The manifest is not valid JSON") from error
    return await asyncio.to_thread(parse_manifest, body, media_type)


def _check_reference(reference: str) -> None:
    if ":" in reference:
        check_digest(reference)
    else:
        _check_tag(reference)


def _check_tag(tag: str) -> None:
    if not is_tag(tag):
        raise Invalid("tag", tag, why=f"Invalid tag: '{tag[:160]}'")


async def _read_or_fetch(parts: Parts, name: str, reference: str) -> tuple[Record, str]:
    """The image and its manifest; where a pull-through rule says so, as the other registry has it today."""
    try:
        await fetch_manifest(parts, name, reference)
    except Unavailable as error:
        try:
            return await parts.store.view(lambda txn: _read(txn, parts.scope, name, reference))
        except NotFound:
            raise error from None
    return await parts.store.view(lambda txn: _read(txn, parts.scope, name, reference))


def _read(txn: Txn, scope: str, name: str, reference: str) -> tuple[Record, str]:
    repository = repositories.find_repository(txn, scope, name)
    digest: str | None = reference
    if ":" not in reference:
        tag = images.find_tag(txn, repository, reference)
        digest = None if tag is None else tag.status
    image = None if digest is None else images.find_image(txn, repository, digest)
    if image is None:
        raise NotFound("image", reference)
    return image, images.read_content(txn, image)


def _note_pull(txn: Txn, *, key: str, now_s: float) -> None:
    image = txn.get(images.IMAGE, key)
    if image is not None and image.document.get("pulledAt", 0) < now_s:
        txn.put(image.changed(document={**image.document, "pulledAt": now_s}))


def _remove(txn: Txn, parts: Parts, name: str, reference: str) -> None:
    repository = repositories.find_repository(txn, parts.scope, name)
    if ":" not in reference:
        images.delete_tag(txn, repository, reference, now_s=parts.now_s)
        return
    image = images.find_image(txn, repository, reference)
    if image is None:
        raise NotFound("image", reference)
    images.delete_image(txn, repository, image, now_s=parts.now_s)
