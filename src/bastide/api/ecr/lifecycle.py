"""Lifecycle policies: kept, shown, previewed. What expires is control's to decide and do."""

from collections.abc import Mapping

from bastide.api.ecr.named import called, named_repository
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import cut_page
from bastide.model.faults import InUse, NotFound
from bastide.model.registry.lifecycle_policy import parse_lifecycle_policy
from bastide.store import Record, Txn
from bastide.store.registry.repositories import EVALUATION, PREVIEW

IN_PROGRESS = "IN_PROGRESS"
PREVIEW_PAGE_MAX = 100


def put_lifecycle_policy(txn: Txn, context: Context, params: Params) -> Result:
    """From now on, in place of the one before."""
    record = named_repository(txn, context, params)
    text = params["lifecyclePolicyText"]
    parse_lifecycle_policy(text)
    txn.put(record.changed(document={**record.document, "lifecyclePolicy": text}))
    return called(record) | {"lifecyclePolicyText": text}


def get_lifecycle_policy(txn: Txn, context: Context, params: Params) -> Result:
    """The policy, and when its rules were last looked through."""
    record = named_repository(txn, context, params)
    evaluation = txn.get(EVALUATION, record.key)
    shown: Result = called(record) | {"lifecyclePolicyText": _policy_of(record)}
    return shown | ({"lastEvaluatedAt": evaluation.document["evaluatedAt"]} if evaluation else {})


def delete_lifecycle_policy(txn: Txn, context: Context, params: Params) -> Result:
    """Nothing expires any more."""
    record = named_repository(txn, context, params)
    text = _policy_of(record)
    document = {name: value for name, value in record.document.items() if name != "lifecyclePolicy"}
    txn.put(record.changed(document=document))
    evaluation = txn.get(EVALUATION, record.key)
    shown: Result = called(record) | {"lifecyclePolicyText": text}
    if evaluation is not None:
        txn.delete(evaluation)
        shown |= {"lastEvaluatedAt": evaluation.document["evaluatedAt"]}
    return shown


def start_lifecycle_policy_preview(txn: Txn, context: Context, params: Params) -> Result:
    """Ask what a policy would expire: the one given, or the repository's own."""
    record = named_repository(txn, context, params)
    text = params.get("lifecyclePolicyText") or _policy_of(record)
    parse_lifecycle_policy(text)
    before = txn.get(PREVIEW, record.key)
    if before is not None and before.status == IN_PROGRESS:
        account = record.scope.partition("/")[0]
        why = (
            f"The lifecycle policy preview of the repository with name '{record.name}' in the registry with "
            f"id '{account}' is in progress"
        )
        raise InUse("lifecycle policy preview", record.name, why=why)
    asked: Document = {"lifecyclePolicyText": text}
    fresh = Record(PREVIEW, record.key, record.scope, asked, record.key, status=IN_PROGRESS)
    txn.put(fresh if before is None else before.changed(document=asked, status=IN_PROGRESS))
    return called(record) | {"lifecyclePolicyText": text, "status": IN_PROGRESS}


def get_lifecycle_policy_preview(txn: Txn, context: Context, params: Params) -> Result:
    """What the preview has found, page by page, the oldest first."""
    record = named_repository(txn, context, params)
    preview = txn.get(PREVIEW, record.key)
    if preview is None:
        account = record.scope.partition("/")[0]
        why = (
            f"There is no lifecycle policy preview for the repository with name '{record.name}' in the "
            f"registry with id '{account}'"
        )
        raise NotFound("lifecycle policy preview", record.name, why=why)
    found = {
        f"{index:09d}": one
        for index, one in enumerate(preview.document.get("results", []))
        if _is_asked(one, params)
    }
    limited = {"maxResults": PREVIEW_PAGE_MAX} | params
    asked = (params.get("filter"), params.get("imageIds"))
    keys, token = cut_page(
        list(found), limited, "ecr-preview", record.key, preview.version, *asked, most=PREVIEW_PAGE_MAX
    )
    result: Result = called(record) | {
        "lifecyclePolicyText": preview.document["lifecyclePolicyText"],
        "status": preview.status,
        "previewResults": [found[key] for key in keys],
        "summary": {"expiringImageTotalCount": len(preview.document.get("results", []))},
    }
    return result | ({"nextToken": token} if token else {})


def _is_asked(one: Document, params: Params) -> bool:
    status = (params.get("filter") or {}).get("tagStatus", "ANY")
    if status != "ANY" and (status == "TAGGED") != bool(one.get("imageTags")):
        return False
    ids = params.get("imageIds")
    return not ids or any(
        each.get("imageDigest") == one["imageDigest"] or each.get("imageTag") in one.get("imageTags", [])
        for each in ids
    )


def _policy_of(record: Record) -> str:
    text: str | None = record.document.get("lifecyclePolicy")
    if text is None:
        account = record.scope.partition("/")[0]
        why = (
            f"Lifecycle policy does not exist for the repository with name '{record.name}' in the registry "
            f"with id '{account}'"
        )
        raise NotFound("lifecycle policy", record.name, why=why)
    return text


OPERATIONS: Mapping[str, Operation] = {
    "DeleteLifecyclePolicy": Writes(delete_lifecycle_policy),
    "GetLifecyclePolicy": Reads(get_lifecycle_policy),
    "GetLifecyclePolicyPreview": Reads(get_lifecycle_policy_preview),
    "PutLifecyclePolicy": Writes(put_lifecycle_policy),
    "StartLifecyclePolicyPreview": Writes(start_lifecycle_policy_preview),
}
