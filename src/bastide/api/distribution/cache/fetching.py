"""Fetches through a rule what a pull asks for and is not here: a manifest at once, each blob when it is read.

Of many that ask for one blob at once, one fetches and the others wait. A tag is asked for again when a day
has gone by; while the other registry does not answer, what is here is given.
"""

import asyncio
import logging
from functools import partial
from uuid import uuid4

from bastide.api.distribution.cache.client import Fetched, Upstream, UpstreamFailed
from bastide.api.distribution.cache.credentials import read_credentials
from bastide.api.distribution.parts import Parts
from bastide.api.ecr.templates import make_repository
from bastide.model.faults import Invalid, NotFound, Unavailable
from bastide.model.registry.digest import CANONICAL, algorithm_of, digest_of
from bastide.model.registry.manifest import parse_manifest
from bastide.model.registry.tag_rules import is_immutable
from bastide.store import Record, Txn
from bastide.store.registry import images, repositories
from bastide.store.registry.blobs import Incoming
from bastide.store.registry.rules import ON_PULL, find_cache_rule, find_template, upstream_name

CHECKED_EVERY_S = 86400.0  # Amazon ECR user guide, "Using pull through cache rules": once in 24 hours

log = logging.getLogger(__name__)


class Fetches:
    """Blobs being fetched; used from one event loop."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def once(self, parts: Parts, rule: Record, name: str, digest: str) -> None:
        """The blob is here when this returns. Raises NotFound, Unavailable or Invalid."""
        key = (f"{parts.scope}/{name}", digest)
        running = self._running.get(key)
        if running is None:
            running = asyncio.get_running_loop().create_task(_fetch_blob(parts, rule, name, digest))
            self._running[key] = running
            running.add_done_callback(lambda _: self._running.pop(key, None))
        await asyncio.shield(running)  # whoever waits may leave; the blob is wanted all the same


async def fetch_manifest(parts: Parts, name: str, reference: str) -> bool:
    """Whether there is a rule for it, and it is here now. Raises Unavailable, Invalid, NotFound."""
    rule, is_fresh = await parts.store.view(
        partial(_look, scope=parts.scope, name=name, reference=reference, now_s=parts.now_s)
    )
    if rule is None or is_fresh:
        return False
    upstream = await _upstream(parts, rule)
    try:
        fetched = await upstream.manifest(upstream_name(rule, name), reference)
        push = await asyncio.to_thread(_checked, fetched, reference)
    except UpstreamFailed as error:
        log.info("%s is not pulled through: %s", name, error)
        if error.status == 404:
            return False
        raise Unavailable("upstream", name, why=str(error)) from error
    except Invalid as error:
        raise _not_as_told(name, error) from error
    await _store(parts, name, reference, push)
    return True


async def rule_for(parts: Parts, name: str) -> Record | None:
    """The rule a repository's blobs come by."""
    return await parts.store.view(lambda txn: find_cache_rule(txn, parts.scope, name))


def _look(txn: Txn, *, scope: str, name: str, reference: str, now_s: float) -> tuple[Record | None, bool]:
    """The rule, and whether what is here need not be asked for."""
    rule = find_cache_rule(txn, scope, name)
    repository = txn.get(repositories.REPOSITORY, repositories.repository_arn(scope, name))
    if rule is None or repository is None:
        return rule, False
    if ":" in reference:
        return rule, images.find_image(txn, repository, reference) is not None
    tag = images.find_tag(txn, repository, reference)
    return rule, tag is not None and now_s - tag.document.get("checkedAt", 0) < CHECKED_EVERY_S


async def _upstream(parts: Parts, rule: Record) -> Upstream:
    try:
        credentials = await read_credentials(parts.store, parts.vault, rule, now_s=parts.now_s)
    except NotFound as error:
        raise Unavailable("upstream", rule.name, why=error.why) from error
    return Upstream(rule.document["upstreamRegistryUrl"], credentials)


def _checked(fetched: Fetched, reference: str) -> images.Push:
    """The manifest to be kept, and the tag if it was asked for by one. Raises Invalid."""
    is_by_digest = ":" in reference
    digest = digest_of(fetched.content, algorithm_of(reference) if is_by_digest else CANONICAL)
    if is_by_digest and digest != reference:
        why = f"The upstream registry sent a manifest with the digest '{digest}' for '{reference}'"
        raise Invalid("digest", reference, why=why)
    manifest = parse_manifest(fetched.content, fetched.media_type)
    return images.Push(
        digest=digest,
        content=fetched.content.decode(),
        manifest=manifest,
        tags=() if is_by_digest else (reference,),
        is_sparse=True,
    )


def _not_as_told(name: str, error: Invalid) -> Unavailable:
    """What came is not what was asked for: cut short, changed on the way, or no image at all."""
    log.warning("%s is not pulled through: %s", name, error.why)
    return Unavailable("upstream", name, why=error.why)


async def _store(parts: Parts, name: str, reference: str, push: images.Push) -> None:
    """Keep the manifest; its parts may come later."""

    def write(txn: Txn) -> None:
        repository = _ensure_repository(txn, parts, name)
        if not _is_settled(txn, repository, push):
            images.put_image(txn, repository, push, now_s=parts.now_s)
        tag = images.find_tag(txn, repository, reference) if push.tags else None
        if tag is not None:
            txn.put(tag.changed(document={"checkedAt": parts.now_s}))

    await parts.store.update(write)


def _is_settled(txn: Txn, repository: Record, push: images.Push) -> bool:
    """Whether the tag stays with its image although it has moved on in the other registry."""
    tags = [found for name in push.tags if (found := images.find_tag(txn, repository, name))]
    shown = repository.document["repository"]
    return any(tag.status != push.digest and is_immutable(shown, tag.name) for tag in tags)


def _ensure_repository(txn: Txn, parts: Parts, name: str) -> Record:
    found = txn.get(repositories.REPOSITORY, repositories.repository_arn(parts.scope, name))
    if found is not None:
        return found
    template = find_template(txn, parts.scope, name, applied_for=ON_PULL)
    return make_repository(txn, parts.settings, parts.scope, name, template, now_s=parts.now_s)


async def _fetch_blob(parts: Parts, rule: Record, name: str, digest: str) -> None:
    upstream = await _upstream(parts, rule)
    upload_id = str(uuid4())
    await asyncio.to_thread(parts.blobs.begin, upload_id)
    incoming = await asyncio.to_thread(Incoming, parts.blobs.upload_path(upload_id))
    try:
        await upstream.blob(upstream_name(rule, name), digest, incoming)
        size = incoming.size
        await asyncio.to_thread(parts.blobs.keep, incoming, digest)
    except Invalid as error:
        raise _not_as_told(name, error) from error
    except UpstreamFailed as error:
        log.info("a blob of %s is not pulled through: %s", name, error)
        if error.status == 404:
            raise NotFound("blob", digest) from error
        raise Unavailable("upstream", name, why=str(error)) from error
    finally:
        incoming.close()
        await asyncio.to_thread(parts.blobs.drop, upload_id)

    def write(txn: Txn) -> None:
        repository = _ensure_repository(txn, parts, name)
        repositories.add_layer(txn, repository, digest, size=size, now_s=parts.now_s)

    await parts.store.update(write)
