"""Images: listed, described, fetched, put, deleted. What a repository may hold store/registry says."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bastide.api.ecr.named import called, named_repository
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import cut_page
from bastide.model.faults import AlreadyExists, Conflict, InUse, Invalid, NotFound
from bastide.model.registry.digest import CANONICAL, algorithm_of, digest_of, is_digest
from bastide.model.registry.manifest import Manifest, parse_manifest
from bastide.model.registry.tag_rules import is_tag
from bastide.store import Record, Txn
from bastide.store.registry import images

IDS_MAX = 100
PAGE, PAGE_MAX = 100, 1000
REFERRERS_MAX = 50
ImageId = Mapping[str, str]


class _Failure(Exception):
    """An image id that leads nowhere: an entry of `failures`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def list_images(txn: Txn, context: Context, params: Params) -> Result:
    """Ids: one for each tag, one for each image without."""
    repository = named_repository(txn, context, params)
    ids = {
        f"{image.name} {tag}": {"imageDigest": image.name} | ({"imageTag": tag} if tag else {})
        for image, tags in _wanted(txn, repository, params)
        for tag in tags or [""]
    }
    keys, token = _cut(sorted(ids), params, repository)
    result: Result = {"imageIds": [ids[key] for key in keys]}
    return result | ({"nextToken": token} if token else {})


def describe_images(txn: Txn, context: Context, params: Params) -> Result:
    """Those asked for, or all, page by page."""
    repository = named_repository(txn, context, params)
    if ids := params.get("imageIds"):
        _check_ids(ids)
        details = {}
        for image_id in ids:
            image = _described(txn, repository, image_id)
            details[image.name] = _detail(repository, image, images.find_tags(txn, repository, image.name))
        return {"imageDetails": list(details.values())}
    found = {image.name: (image, tags) for image, tags in _wanted(txn, repository, params)}
    names, token = _cut(sorted(found), params, repository)
    result: Result = {"imageDetails": [_detail(repository, *found[name]) for name in names]}
    return result | ({"nextToken": token} if token else {})


def batch_get_image(txn: Txn, context: Context, params: Params) -> Result:
    """Manifests as they were pushed."""
    repository = named_repository(txn, context, params)
    accepted = params.get("acceptedMediaTypes")

    def get(image_id: ImageId) -> Document:
        image = _resolved(txn, repository, image_id)
        if accepted and image.document["mediaType"] not in accepted:
            raise _Failure("ImageNotFound", "Requested image not found in any of the accepted media types")
        return _image(repository, image.document, images.read_content(txn, image), image_id.get("imageTag"))

    found, failures = _each(params["imageIds"], get)
    return {"images": found, "failures": failures}


def batch_delete_image(txn: Txn, context: Context, params: Params) -> Result:
    """By tag: the tag goes, and with the last one its image. By digest: the image with all its tags."""
    repository = named_repository(txn, context, params)

    def delete(image_id: ImageId) -> list[Document]:
        image = _resolved(txn, repository, image_id)
        tag = image_id.get("imageTag")
        tags = images.find_tags(txn, repository, image.name)
        if tag is not None and "imageDigest" not in image_id and len(tags) > 1:
            images.delete_tag(txn, repository, tag, now_s=context.now_s)
            return [{"imageDigest": image.name, "imageTag": tag}]
        try:
            gone = images.delete_image(txn, repository, image, now_s=context.now_s)
        except InUse as error:
            raise _Failure("ImageReferencedByManifestList", error.why) from error
        return [{"imageDigest": image.name, "imageTag": one} for one in gone] or [{"imageDigest": image.name}]

    deleted, failures = _each(params["imageIds"], delete)
    return {"imageIds": [one for group in deleted for one in group], "failures": failures}


def put_image(txn: Txn, context: Context, params: Params) -> Result:
    """A manifest whose layers are here, or another tag for one."""
    repository = named_repository(txn, context, params)
    content, tag = params["imageManifest"], params.get("imageTag", "")
    if tag and not is_tag(tag):
        why = "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy a tag's syntax'"
        raise Invalid("parameter", why=why)
    manifest = _parsed(content, params.get("imageManifestMediaType", ""))
    told = params.get("imageDigest", "")
    digest = digest_of(content.encode(), algorithm_of(told) if is_digest(told) else CANONICAL)
    if told and told != digest:
        why = f"The specified image digest '{told}' does not match the digest '{digest}' of the manifest"
        raise Conflict("image digest", told, why=why)
    push = images.Push(digest=digest, content=content, manifest=manifest, tags=(tag,) if tag else ())
    put = images.put_image(txn, repository, push, now_s=context.now_s)
    if not put.is_new_image and not put.new_tags:
        named = f"digest '{digest}'" + (f" and tag '{tag}'" if tag else "")
        account = repository.scope.partition("/")[0]
        why = (
            f"Image with {named} already exists in the repository with name '{repository.name}' in registry "
            f"with id '{account}'"
        )
        raise AlreadyExists("image", digest, why=why)
    shown = {"digest": digest, "mediaType": manifest.media_type}
    return {"image": _image(repository, shown, content, tag or None)}


def list_image_referrers(txn: Txn, context: Context, params: Params) -> Result:
    """What names an image as its subject."""
    repository = named_repository(txn, context, params)
    subject = params["subjectId"]["imageDigest"]
    kinds = (params.get("filter") or {}).get("artifactTypes")
    found = {
        record.name: record.document
        for record in txn.find(images.IMAGE, parent=repository.key, status=subject)
        if not kinds or record.document["artifactType"] in kinds
    }
    limited = {"maxResults": REFERRERS_MAX} | params
    names, token = cut_page(
        sorted(found), limited, "ecr-referrers", repository.key, subject, most=REFERRERS_MAX
    )
    result: Result = {"referrers": [_referrer(found[name]) for name in names]}
    return result | ({"nextToken": token} if token else {})


def _parsed(content: str, media_type: str) -> Manifest:
    try:
        return parse_manifest(content.encode(), media_type)
    except Invalid as error:
        why = f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{error.why}'"
        raise Invalid("parameter", why=why) from error


def _each(ids: Sequence[ImageId], act: Callable[[ImageId], Any]) -> tuple[list[Any], list[Document]]:
    """What `act` gives for each id, and the failures of the others."""
    _check_ids(ids)
    done, failures = [], []
    for image_id in ids:
        try:
            done.append(act(image_id))
        except _Failure as failure:
            told = {"failureCode": failure.code, "failureReason": failure.reason}
            failures.append({"imageId": dict(image_id)} | told)
    return done, failures


def _check_ids(ids: Sequence[ImageId]) -> None:
    if not 1 <= len(ids) <= IDS_MAX:
        why = (
            "Invalid parameter at 'imageIds' failed to satisfy constraint: "
            f"'Member must have length between 1 and {IDS_MAX}'"
        )
        raise Invalid("parameter", why=why)


def _resolved(txn: Txn, repository: Record, image_id: ImageId) -> Record:
    """The image of an id; raises _Failure."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        why = "Invalid request parameters: both tag and digest cannot be null"
        raise _Failure("MissingDigestAndTag", why)
    if digest is not None and not is_digest(digest):
        why = (
            "Invalid request parameters: image digest should satisfy the regex "
            "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
        )
        raise _Failure("InvalidImageDigest", why)
    if tag is not None:
        record = images.find_tag(txn, repository, tag)
        if record is None:
            raise _Failure("ImageNotFound", "Requested image not found")
        if digest is not None and record.status != digest:
            raise _Failure("ImageTagDoesNotMatchDigest", f"The tag '{tag}' stands for '{record.status}'")
        digest = record.status
    image = images.find_image(txn, repository, str(digest))
    if image is None:
        raise _Failure("ImageNotFound", "Requested image not found")
    return image


def _described(txn: Txn, repository: Record, image_id: ImageId) -> Record:
    try:
        return _resolved(txn, repository, image_id)
    except _Failure as failure:
        if failure.code in ("MissingDigestAndTag", "InvalidImageDigest"):
            raise Invalid("parameter", why=failure.reason) from failure
        digest, tag = (image_id.get(name, "null") for name in ("imageDigest", "imageTag"))
        account = repository.scope.partition("/")[0]
        why = (
            f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the "
            f"repository with name '{repository.name}' in the registry with id '{account}'"
        )
        raise NotFound("image", why=why) from failure


def _wanted(txn: Txn, repository: Record, params: Params) -> list[tuple[Record, list[str]]]:
    """Every image the filter lets through, with its tags."""
    wanted = params.get("filter") or {}
    status = wanted.get("tagStatus", "ANY")
    if wanted.get("imageStatus", "ACTIVE") not in ("ACTIVE", "ANY"):
        return []  # nothing is ever archived here
    tags: dict[str, list[str]] = {}
    for tag in txn.find(images.TAG, parent=repository.key):
        tags.setdefault(tag.status, []).append(tag.name)
    return [
        (image, tags.get(image.name, []))
        for image in txn.find(images.IMAGE, parent=repository.key)
        if status == "ANY" or (status == "TAGGED") == (image.name in tags)
    ]


def _cut(keys: list[str], params: Params, repository: Record) -> tuple[list[str], str | None]:
    limited = {"maxResults": PAGE} | params
    return cut_page(keys, limited, "ecr-images", repository.key, params.get("filter"), most=PAGE_MAX)


def _image(repository: Record, shown: Document, content: str, tag: str | None) -> Document:
    image_id = {"imageDigest": shown["digest"]} | ({"imageTag": tag} if tag else {})
    return called(repository) | {
        "imageId": image_id,
        "imageManifest": content,
        "imageManifestMediaType": shown["mediaType"],
    }


def _detail(repository: Record, image: Record, tags: list[str]) -> Document:
    document = image.document
    detail: Document = called(repository) | {
        "imageDigest": image.name,
        "imageSizeInBytes": document["size"],
        "imagePushedAt": document["pushedAt"],
        "imageManifestMediaType": document["mediaType"],
        "imageStatus": "ACTIVE",
    }
    optional = {
        "imageTags": tags,
        "artifactMediaType": document["artifactType"],
        "lastRecordedPullTime": document.get("pulledAt"),
        "subjectManifestDigest": image.status,
    }
    return detail | {name: value for name, value in optional.items() if value}


def _referrer(document: Document) -> Document:
    told = {
        "digest": document["digest"],
        "mediaType": document["mediaType"],
        "size": document["length"],
        "artifactStatus": "ACTIVE",
    }
    optional = {"artifactType": document["artifactType"], "annotations": document["annotations"]}
    return told | {name: value for name, value in optional.items() if value}


OPERATIONS: Mapping[str, Operation] = {
    "BatchDeleteImage": Writes(batch_delete_image),
    "BatchGetImage": Reads(batch_get_image),
    "DescribeImages": Reads(describe_images),
    "ListImageReferrers": Reads(list_image_referrers),
    "ListImages": Reads(list_images),
    "PutImage": Writes(put_image),
}
