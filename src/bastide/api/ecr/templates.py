"""Repository creation templates: what a repository is like that a push or a first pull makes."""

from collections.abc import Mapping

from bastide.api.ecr.policies import check_policy
from bastide.api.ecr.repositories import checked_mutability, new_document
from bastide.api.ecr.tags import check_tags
from bastide.api.iam.identities.named import bind_principals, show_principals
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import read_page
from bastide.config import Settings
from bastide.model.faults import AlreadyExists, Invalid, NotFound
from bastide.model.registry.lifecycle_policy import parse_lifecycle_policy
from bastide.store import Record, Txn
from bastide.store.registry.repositories import put_repository
from bastide.store.registry.rules import TEMPLATE, rule_key

PAGE_MAX = 1000
_MEMBERS = (
    "description",
    "encryptionConfiguration",
    "resourceTags",
    "imageTagMutability",
    "imageTagMutabilityExclusionFilters",
    "repositoryPolicy",
    "lifecyclePolicy",
    "appliedFor",
    "customRoleArn",
)


def make_repository(
    txn: Txn, settings: Settings, scope: str, name: str, template: Record | None, *, now_s: float
) -> Record:
    """A repository as the template says, or a plain one."""
    told: Document = {} if template is None else template.document
    wanted = told | {"repositoryName": name, "tags": told.get("resourceTags")}
    document = new_document(settings, scope, wanted, now_s=now_s)
    policies = {"policy": told.get("repositoryPolicy"), "lifecyclePolicy": told.get("lifecyclePolicy")}
    return put_repository(txn, scope, document | {name: text for name, text in policies.items() if text})


def create_template(txn: Txn, context: Context, params: Params) -> Result:
    """A new template; repositories that are there stay as they are."""
    prefix = params["prefix"].rstrip("/")
    document = _checked(params) | {"prefix": prefix, "createdAt": context.now_s, "updatedAt": context.now_s}
    document |= _bound(txn, context, document)
    key = rule_key(context.scope, prefix)
    try:
        txn.put(Record(TEMPLATE, key, context.scope, document, name=prefix))
    except AlreadyExists as error:
        why = f"The repository creation template with prefix '{prefix}' already exists in the registry"
        raise AlreadyExists("template", prefix, why=why) from error
    return _answer(txn, context, document)


def update_template(txn: Txn, context: Context, params: Params) -> Result:
    """Members that are given replace those there were."""
    record = _find(txn, context, params)
    given = {name: params[name] for name in _MEMBERS if name in params}
    if "imageTagMutability" in given:
        given.setdefault("imageTagMutabilityExclusionFilters", [])
    document = record.document | _checked(record.document | given) | {"updatedAt": context.now_s}
    document |= _bound(txn, context, given)
    txn.put(record.changed(document=document))
    return _answer(txn, context, document)


def delete_template(txn: Txn, context: Context, params: Params) -> Result:
    """Repositories made by it stay."""
    record = _find(txn, context, params)
    txn.delete(record)
    return _answer(txn, context, record.document)


def describe_templates(txn: Txn, context: Context, params: Params) -> Result:
    """Those named, or all, page by page."""
    account = context.caller.account
    if prefixes := params.get("prefixes"):
        found = [txn.get(TEMPLATE, rule_key(context.scope, prefix)) for prefix in prefixes]
        shown = [_shown(txn, record.document, account) for record in found if record is not None]
        return {"registryId": account, "repositoryCreationTemplates": shown}
    records, token = read_page(
        lambda after, limit: txn.find(TEMPLATE, scope=context.scope, after=after, limit=limit),
        {"maxResults": 100} | params,
        "ecr-templates",
        context.scope,
        most=PAGE_MAX,
    )
    result: Result = {"registryId": account}
    result["repositoryCreationTemplates"] = [_shown(txn, record.document, account) for record in records]
    return result | ({"nextToken": token} if token else {})


def _checked(members: Mapping[str, object]) -> Document:
    """The members of a template; Invalid where no repository could be made by it."""
    document: Document = {name: members[name] for name in _MEMBERS if members.get(name) not in (None, "", [])}
    checked_mutability(document)
    check_tags(document.get("resourceTags") or [])
    if (document.get("encryptionConfiguration") or {}).get("encryptionType", "AES256") != "AES256":
        why = "The KMS key of the encryption configuration does not exist or cannot be used."
        raise Invalid("parameter", why=why)
    if text := document.get("repositoryPolicy"):
        check_policy(text)
    if text := document.get("lifecyclePolicy"):
        parse_lifecycle_policy(text)
    if not document.get("appliedFor"):
        why = "Invalid parameter at 'appliedFor' failed to satisfy constraint: 'at least one value'"
        raise Invalid("parameter", why=why)
    return {
        "imageTagMutability": "MUTABLE",
        "encryptionConfiguration": {"encryptionType": "AES256"},
    } | document


def _find(txn: Txn, context: Context, params: Params) -> Record:
    prefix = params["prefix"]
    record = txn.get(TEMPLATE, rule_key(context.scope, prefix))
    if record is None:
        why = (
            f"The repository creation template with prefix '{prefix}' does not exist in the registry with id "
            f"'{context.caller.account}'"
        )
        raise NotFound("template", prefix, why=why)
    return record


def _bound(txn: Txn, context: Context, document: Document) -> Document:
    """The policy of a template as it is kept, where it has one."""
    text = document.get("repositoryPolicy")
    return {"repositoryPolicy": bind_principals(txn, context.caller.account, text)} if text else {}


def _shown(txn: Txn, document: Document, account: str) -> Document:
    text = document.get("repositoryPolicy")
    return document | ({"repositoryPolicy": show_principals(txn, account, text)} if text else {})


def _answer(txn: Txn, context: Context, document: Document) -> Result:
    account = context.caller.account
    return {"registryId": account, "repositoryCreationTemplate": _shown(txn, document, account)}


OPERATIONS: Mapping[str, Operation] = {
    "CreateRepositoryCreationTemplate": Writes(create_template),
    "DeleteRepositoryCreationTemplate": Writes(delete_template),
    "DescribeRepositoryCreationTemplates": Reads(describe_templates),
    "UpdateRepositoryCreationTemplate": Writes(update_template),
}
