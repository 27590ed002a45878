"""Repositories: created, described, deleted; what their tags may do; scanning, recorded only."""

from collections.abc import Mapping
from typing import Any

from bastide.api.distribution.access import registry_host
from bastide.api.ecr.named import called, named_repository, registry_scope
from bastide.api.ecr.tags import check_tags
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import read_page
from bastide.config import Settings
from bastide.model.faults import InUse, Invalid
from bastide.model.registry.tag_rules import MUTABLE, WITH_EXCLUSION
from bastide.store import Record, Txn
from bastide.store.registry import images
from bastide.store.registry.repositories import (
    REPOSITORY,
    delete_repository,
    put_repository,
    repository_arn,
)

NAMES_MAX = 100  # of one DescribeRepositories
PAGE = 100
PAGE_MAX = 1000
FILTERS_MAX = 5
WILDCARDS_MAX = 2


def new_document(settings: Settings, scope: str, params: Params, *, now_s: float) -> Document:
    """The document of a repository that is to be; raises Invalid for members that do not fit."""
    account, region = scope.split("/")
    name = params["repositoryName"]
    shown: Document = {
        "repositoryArn": repository_arn(scope, name),
        "registryId": account,
        "repositoryName": name,
        "repositoryUri": f"{registry_host(settings, account, region)}/{name}",
        "createdAt": now_s,
        "imageScanningConfiguration": {
            "scanOnPush": (params.get("imageScanningConfiguration") or {}).get("scanOnPush", False)
        },
        "encryptionConfiguration": _checked_encryption(params.get("encryptionConfiguration")),
        **checked_mutability(params),
    }
    return {"repository": shown, "tags": check_tags(params.get("tags") or [])}


def checked_mutability(params: Params) -> Document:
    """Whether tags may move, and which are excepted."""
    mutability = params.get("imageTagMutability") or MUTABLE
    filters: list[dict[str, Any]] = params.get("imageTagMutabilityExclusionFilters") or []
    if bool(filters) != mutability.endswith(WITH_EXCLUSION):
        why = (
            "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: "
            f"'exclusion filters go with a mutability that ends in {WITH_EXCLUSION}'"
        )
        raise Invalid("parameter", why=why)
    if len(filters) > FILTERS_MAX or any(one["filter"].count("*") > WILDCARDS_MAX for one in filters):
        why = (
            "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: "
            f"'at most {FILTERS_MAX} filters, each with at most {WILDCARDS_MAX} wildcards'"
        )
        raise Invalid("parameter", why=why)
    return {"imageTagMutability": mutability} | (
        {"imageTagMutabilityExclusionFilters": filters} if filters else {}
    )


def shown_repository(settings: Settings, record: Record) -> Document:
    """AWS's shape, with the name it is reached by today."""
    account, region = record.scope.split("/")
    uri = f"{registry_host(settings, account, region)}/{record.name}"
    return {**record.document["repository"], "repositoryUri": uri}


def create_repository(txn: Txn, context: Context, params: Params) -> Result:
    """A new repository, empty."""
    scope = _own_scope(context, params)
    document = new_document(context.settings, scope, params, now_s=context.now_s)
    return {"repository": put_repository(txn, scope, document).document["repository"]}


def describe_repositories(txn: Txn, context: Context, params: Params) -> Result:
    """Those named, or all, page by page."""
    scope = registry_scope(context, params)
    names = params.get("repositoryNames")
    if names:
        if len(names) > NAMES_MAX or "nextToken" in params or "maxResults" in params:
            why = (
                f"Invalid parameter at 'repositoryNames': at most {NAMES_MAX} names, and neither "
                "'nextToken' nor 'maxResults' beside them"
            )
            raise Invalid("parameter", why=why)
        records = [named_repository(txn, context, params | {"repositoryName": name}) for name in names]
        return {"repositories": [shown_repository(context.settings, record) for record in records]}
    if scope != context.scope:
        return {"repositories": []}
    records, token = read_page(
        lambda after, limit: txn.find(REPOSITORY, scope=scope, after=after, limit=limit),
        {"maxResults": PAGE} | params,
        "ecr-repositories",
        scope,
        most=PAGE_MAX,
    )
    result: Result = {"repositories": [shown_repository(context.settings, record) for record in records]}
    return result | ({"nextToken": token} if token else {})


def delete(txn: Txn, context: Context, params: Params) -> Result:
    """The repository goes; one with images only by force."""
    record = named_repository(txn, context, params)
    if not params.get("force") and txn.count(images.IMAGE, parent=record.key):
        account = record.scope.partition("/")[0]
        why = (
            f"The repository with name '{record.name}' in registry with id '{account}' cannot be deleted "
            "because it still contains images"
        )
        raise InUse("repository", record.name, why=why)
    images.delete_all(txn, record, now_s=context.now_s)
    delete_repository(txn, record)
    return {"repository": shown_repository(context.settings, record)}


def put_image_tag_mutability(txn: Txn, context: Context, params: Params) -> Result:
    """From now on; tags that are there keep what they stand for."""
    record = named_repository(txn, context, params)
    rules = checked_mutability(params)
    shown = {
        name: value
        for name, value in record.document["repository"].items()
        if name != "imageTagMutabilityExclusionFilters"
    }
    txn.put(record.changed(document={**record.document, "repository": shown | rules}))
    return called(record) | rules


def put_image_scanning_configuration(txn: Txn, context: Context, params: Params) -> Result:
    """Recorded and shown; nothing is scanned."""
    record = named_repository(txn, context, params)
    wanted = {"scanOnPush": params["imageScanningConfiguration"].get("scanOnPush", False)}
    shown = {**record.document["repository"], "imageScanningConfiguration": wanted}
    txn.put(record.changed(document={**record.document, "repository": shown}))
    return called(record) | {"imageScanningConfiguration": wanted}


def _own_scope(context: Context, params: Params) -> str:
    scope = registry_scope(context, params)
    if scope != context.scope:
        why = "Invalid parameter at 'registryId': repositories are created in the caller's own registry"
        raise Invalid("parameter", why=why)
    return scope


def _checked_encryption(wanted: Document | None) -> Document:
    """AES256, which is what a repository gets on AWS too unless it names a key."""
    if wanted is None or wanted["encryptionType"] == "AES256":
        return {"encryptionType": "AES256"}
    why = "The KMS key of the encryption configuration does not exist or cannot be used."
    raise Invalid("kms key", why=why)


OPERATIONS: Mapping[str, Operation] = {
    "CreateRepository": Writes(create_repository),
    "DeleteRepository": Writes(delete),
    "DescribeRepositories": Reads(describe_repositories),
    "PutImageScanningConfiguration": Writes(put_image_scanning_configuration),
    "PutImageTagMutability": Writes(put_image_tag_mutability),
}
