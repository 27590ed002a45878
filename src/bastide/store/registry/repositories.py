"""Records of repositories, and of what they are made of besides images.

Kinds, each with the repository's ARN as its parent:
    ecr-repository  key ARN, name its name; document {repository: AWS's shape, tags, policy?, …}
    ecr-layer       key ARN@digest, name and status the digest; document {size, addedAt}
    ecr-upload      key its id; document {startedAt}: an upload that is not finished
Status of a layer is its digest so that one search over all repositories tells whether a blob is used.
"""

from collections.abc import Mapping
from typing import Any

from bastide.model.arn import render_arn
from bastide.model.faults import AlreadyExists, NotFound
from bastide.store.records import Record
from bastide.store.txn import Txn

REPOSITORY, LAYER, UPLOAD = "ecr-repository", "ecr-layer", "ecr-upload"
PREVIEW, EVALUATION = "ecr-preview", "ecr-evaluation"


def repository_arn(scope: str, name: str) -> str:
    """`repository/NAME`."""
    account, region = scope.split("/")
    return render_arn("ecr", region, account, f"repository/{name}")


def find_repository(txn: Txn, scope: str, name: str) -> Record:
    """The repository's record; raises NotFound in ECR's words."""
    record = txn.get(REPOSITORY, repository_arn(scope, name))
    if record is None:
        raise _not_found(scope, name)
    return record


def put_repository(txn: Txn, scope: str, document: Mapping[str, Any]) -> Record:
    """Store a new repository; raises AlreadyExists in ECR's words."""
    shown = document["repository"]
    name, arn = shown["repositoryName"], shown["repositoryArn"]
    try:
        return txn.put(Record(REPOSITORY, arn, scope, dict(document), name=name))
    except AlreadyExists as error:
        account = scope.partition("/")[0]
        why = f"The repository with name '{name}' already exists in the registry with id '{account}'"
        raise AlreadyExists("repository", name, why=why) from error


def delete_repository(txn: Txn, repository: Record) -> None:
    """The record and every record below it; its blobs go when nothing else names them."""
    for kind in ("ecr-tag", "ecr-image", "ecr-manifest", LAYER, UPLOAD, PREVIEW, EVALUATION):
        for record in txn.find(kind, parent=repository.key):
            txn.delete(record)
    txn.delete(repository)


def find_layer(txn: Txn, repository: Record, digest: str) -> Record | None:
    """The layer, if the repository has it."""
    return txn.get(LAYER, f"{repository.key}@{digest}")


def add_layer(txn: Txn, repository: Record, digest: str, *, size: int, now_s: float) -> None:
    """Let a blob be seen in the repository. Preconditions: it is on disk, or seen in another one."""
    record = find_layer(txn, repository, digest)
    document = {"size": size, "addedAt": now_s}
    if record is not None:
        txn.put(record.changed(document=document))
        return
    txn.put(
        Record(
            LAYER,
            f"{repository.key}@{digest}",
            repository.scope,
            document,
            parent=repository.key,
            name=digest,
            status=digest,
        )
    )


def is_blob_used(txn: Txn, digest: str) -> bool:
    """Whether any repository has it."""
    return txn.count(LAYER, status=digest) > 0


def put_upload(txn: Txn, repository: Record, upload_id: str, *, now_s: float) -> None:
    """Note an upload that begins."""
    record = Record(UPLOAD, upload_id, repository.scope, {"startedAt": now_s}, parent=repository.key)
    txn.put(record)


def find_upload(txn: Txn, repository: Record, upload_id: str) -> Record:
    """The upload's record, of this repository; raises NotFound in ECR's words."""
    record = txn.get(UPLOAD, upload_id)
    if record is None or record.parent != repository.key:
        account = repository.scope.partition("/")[0]
        why = (
            f"The upload with id '{upload_id}' does not exist in the repository with name "
            f"'{repository.name}' in the registry with id '{account}'"
        )
        raise NotFound("upload", upload_id, why=why)
    return record


def finish_upload(
    txn: Txn, repository: Record, upload_id: str, *, digest: str, size: int, now_s: float
) -> None:
    """The upload is over and its blob can be seen. Preconditions: the blob is on disk."""
    txn.delete(find_upload(txn, repository, upload_id))
    add_layer(txn, repository, digest, size=size, now_s=now_s)


def _not_found(scope: str, name: str) -> NotFound:
    account = scope.partition("/")[0]
    why = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
    return NotFound("repository", name, why=why)
