"""Images and tags of a repository: what may be put, what is found, what goes.

Kinds, each with the repository's ARN as its parent:
    ecr-image     key ARN@digest, name the digest, status its subject's digest, state INDEX or none
    ecr-manifest  key ARN@digest; document {content}: the manifest to the byte, apart from what lists read
    ecr-tag       key ARN:tag, name the tag, status the digest it stands for
Every rule is checked in the transaction that writes, so two pushes of one tag come one after the other.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from bastide.model.faults import AlreadyExists, Conflict, InUse, Invalid, LimitExceeded, NotFound
from bastide.model.registry.image_event import Action
from bastide.model.registry.manifest import Descriptor, Manifest
from bastide.model.registry.tag_rules import is_immutable
from bastide.store.records import Record
from bastide.store.registry.events import note_action
from bastide.store.registry.repositories import find_layer
from bastide.store.txn import Txn

IMAGE, MANIFEST, TAG = "ecr-image", "ecr-manifest", "ecr-tag"
INDEX = "INDEX"  # the state of an image that names others
TAGS_MAX = 1000  # of one image: Amazon ECR endpoints and quotas


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest to the byte, what it says, and its tags. `is_sparse`: its parts come later, if ever."""

    digest: str
    content: str
    manifest: Manifest
    tags: Sequence[str] = ()
    is_sparse: bool = False


class Put(NamedTuple):
    """What a push changed."""

    is_new_image: bool
    new_tags: tuple[str, ...]


def put_image(txn: Txn, repository: Record, push: Push, *, now_s: float) -> Put:
    """Store a manifest under its digest and these tags; what is there already stays as it is.

    Raises NotFound ("layers", "referenced images"), Invalid ("layer size") or AlreadyExists ("image tag").
    """
    digest = push.digest
    is_new_image = find_image(txn, repository, digest) is None
    if is_new_image:
        _put_new(txn, repository, push, now_s=now_s)
    new_tags = tuple(tag for tag in push.tags if put_tag(txn, repository, tag, digest))
    for tag in new_tags or ([""] if is_new_image else ()):
        note_action(txn, repository, Action.PUSH, digest=digest, tag=tag, now_s=now_s)
    return Put(is_new_image, new_tags)


def _put_new(txn: Txn, repository: Record, push: Push, *, now_s: float) -> None:
    manifest, scope, arn = push.manifest, repository.scope, repository.key
    size = _check_parts(txn, repository, push)
    subject = manifest.subject.digest if manifest.subject else ""
    key, document = f"{arn}@{push.digest}", _document(push, size=size, now_s=now_s)
    image = Record(IMAGE, key, scope, document, arn, name=push.digest, status=subject)
    txn.put(image.changed(state=INDEX if manifest.children else ""))
    txn.put(Record(MANIFEST, key, scope, {"content": push.content}, arn, name=push.digest))


def put_tag(txn: Txn, repository: Record, tag: str, digest: str) -> bool:
    """Let the tag stand for the image; whether that is news. Raises AlreadyExists where it is immutable."""
    record = find_tag(txn, repository, tag)
    if record is not None and record.status == digest:
        return False
    if record is not None and is_immutable(repository.document["repository"], tag):
        why = (
            f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be "
            "overwritten because the tag is immutable."
        )
        raise AlreadyExists("image tag", tag, why=why)
    if txn.count(TAG, parent=repository.key, status=digest) >= TAGS_MAX:
        raise LimitExceeded("tags of an image", why=f"An image cannot have more than {TAGS_MAX} tags.")
    if record is not None:
        txn.put(record.changed(status=digest))
    else:
        key = f"{repository.key}:{tag}"
        txn.put(Record(TAG, key, repository.scope, {}, repository.key, name=tag, status=digest))
    return True


def find_image(txn: Txn, repository: Record, digest: str) -> Record | None:
    """The image of a digest."""
    return txn.get(IMAGE, f"{repository.key}@{digest}")


def find_tag(txn: Txn, repository: Record, tag: str) -> Record | None:
    """The tag; its status is the digest it stands for."""
    return txn.get(TAG, f"{repository.key}:{tag}")


def find_tags(txn: Txn, repository: Record, digest: str) -> list[str]:
    """The image's tags in order."""
    return [record.name for record in txn.find(TAG, parent=repository.key, status=digest)]


def read_content(txn: Txn, image: Record) -> str:
    """The manifest as it was pushed."""
    record = txn.get(MANIFEST, image.key)
    if record is None:
        raise Conflict("manifest", image.name)
    return str(record.document["content"])


def delete_tag(txn: Txn, repository: Record, tag: str, *, now_s: float) -> str:
    """Take the tag away; the digest it stood for. Raises NotFound."""
    record = find_tag(txn, repository, tag)
    if record is None:
        raise NotFound("image", tag)
    txn.delete(record)
    note_action(txn, repository, Action.DELETE, digest=record.status, tag=tag, now_s=now_s)
    return record.status


def delete_image(txn: Txn, repository: Record, image: Record, *, now_s: float) -> list[str]:
    """The image and its tags go; which tags these were. Raises InUse where an index names it."""
    if indexes := find_indexes_of(txn, repository, image.name):
        why = f"Requested image referenced by manifest list: [{', '.join(index.name for index in indexes)}]"
        raise InUse("image", image.name, why=why)
    return _delete(txn, repository, image, now_s=now_s)


def delete_all(txn: Txn, repository: Record, *, now_s: float) -> None:
    """Every image of the repository goes."""
    for image in txn.find(IMAGE, parent=repository.key):
        _delete(txn, repository, image, now_s=now_s)


def _delete(txn: Txn, repository: Record, image: Record, *, now_s: float) -> list[str]:
    tags = txn.find(TAG, parent=repository.key, status=image.name)
    for tag in tags:
        txn.delete(tag)
        note_action(txn, repository, Action.DELETE, digest=image.name, tag=tag.name, now_s=now_s)
    content = txn.get(MANIFEST, image.key)
    if content is not None:
        txn.delete(content)
    txn.delete(image)
    if not tags:
        note_action(txn, repository, Action.DELETE, digest=image.name, now_s=now_s)
    return [tag.name for tag in tags]


def find_indexes_of(txn: Txn, repository: Record, digest: str) -> list[Record]:
    """The indexes of the repository that name an image."""
    images = txn.find(IMAGE, parent=repository.key, state=INDEX)
    return [image for image in images if digest in image.document["children"]]


def used_digests(txn: Txn, repository: Record) -> set[str]:
    """The blobs that images of the repository are made of."""
    return {digest for image in txn.find(IMAGE, parent=repository.key) for digest in image.document["blobs"]}


def _document(push: Push, *, size: int, now_s: float) -> dict[str, Any]:
    """What lists, sweeps and referrers need of an image, without its manifest."""
    manifest = push.manifest
    return {
        "digest": push.digest,
        "mediaType": manifest.media_type,
        "artifactType": manifest.artifact_type,
        "size": size,
        "length": len(push.content.encode()),
        "pushedAt": now_s,
        "blobs": sorted({blob.digest for blob in manifest.blobs}),
        "children": sorted({child.digest for child in manifest.children}),
        "annotations": dict(manifest.annotations) if manifest.subject else {},
    }


def _check_parts(txn: Txn, repository: Record, push: Push) -> int:
    """The image's size; raises what `put_image` says when a part is not there, or not as large as told."""
    manifest = push.manifest
    own = sum({layer.digest: layer.size for layer in manifest.layers}.values())
    if push.is_sparse:
        return own
    layers = {blob.digest: find_layer(txn, repository, blob.digest) for blob in manifest.blobs}
    if missing := _missing(layers):
        why = f"Layers with digests '{missing}' required for pushing image do not exist"
        raise NotFound("layers", why=why)
    _check_sizes(manifest.blobs, {name: one.document["size"] for name, one in layers.items() if one})
    children = {child.digest: find_image(txn, repository, child.digest) for child in manifest.children}
    if missing := _missing(children):
        why = f"Images with digests '{missing}' required for pushing image into repository do not exist"
        raise NotFound("referenced images", why=why)
    _check_sizes(manifest.children, {name: one.document["length"] for name, one in children.items() if one})
    # DescribeImages: of a manifest list, "the max size of all manifests in the list".
    return max((int(one.document["size"]) for one in children.values() if one), default=own)


def _missing(parts: Mapping[str, Record | None]) -> str:
    return ", ".join(sorted(digest for digest, record in parts.items() if record is None))


def _check_sizes(told: Sequence[Descriptor], sizes: Mapping[str, int]) -> None:
    for part in told:
        if sizes[part.digest] != part.size:
            why = f"'{part.digest}' has {sizes[part.digest]} bytes, the manifest says {part.size}"
            raise Invalid("layer size", part.digest, why=why)
