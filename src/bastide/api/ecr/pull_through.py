"""Pull-through cache rules: which repositories' images come from which registry. The pulling is /v2's."""

import re
from collections.abc import Mapping

from bastide.api.distribution.cache.client import Upstream, UpstreamFailed
from bastide.api.distribution.cache.credentials import read_credentials
from bastide.api.operation import Context, Document, Operation, Params, Performs, Reads, Result, Writes
from bastide.api.paging import read_page
from bastide.model.faults import AlreadyExists, Invalid, NotFound
from bastide.store import Record, Store, Txn
from bastide.store.registry.rules import CACHE_RULE, rule_key

PAGE_MAX = 1000
KNOWN = {  # CreatePullThroughCacheRule, "upstreamRegistryUrl"
    "public.ecr.aws": "ecr-public",
    "quay.io": "quay",
    "registry.k8s.io": "k8s",
    "registry-1.docker.io": "docker-hub",
    "ghcr.io": "github-container-registry",
    "registry.gitlab.com": "gitlab-container-registry",
    "cgr.dev": "chainguard",
}
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
_SHOWN = (
    "ecrRepositoryPrefix",
    "upstreamRegistryUrl",
    "upstreamRegistry",
    "createdAt",
    "updatedAt",
    "credentialArn",
    "customRoleArn",
    "upstreamRepositoryPrefix",
)


def create_rule(txn: Txn, context: Context, params: Params) -> Result:
    """From now on a pull of what is not here asks the other registry."""
    prefix = params["ecrRepositoryPrefix"].rstrip("/")
    url = params["upstreamRegistryUrl"].lower().removeprefix("https://").rstrip("/")
    if not _HOST.fullmatch(url):
        why = f"Invalid parameter at 'upstreamRegistryUrl': '{url[:128]}' is no registry's host name"
        raise Invalid("upstream registry", url, why=why)
    document: Document = {
        "ecrRepositoryPrefix": prefix,
        "upstreamRegistryUrl": url,
        "upstreamRepositoryPrefix": params.get("upstreamRepositoryPrefix") or "ROOT",
        "createdAt": context.now_s,
        "updatedAt": context.now_s,
    }
    if kind := params.get("upstreamRegistry") or KNOWN.get(url):
        document["upstreamRegistry"] = kind
    document |= {name: params[name] for name in ("credentialArn", "customRoleArn") if params.get(name)}
    try:
        key = rule_key(context.scope, prefix)
        txn.put(Record(CACHE_RULE, key, context.scope, document, name=prefix))
    except AlreadyExists as error:
        why = (
            f"A pull through cache rule with prefix '{prefix}' already exists in the registry with id "
            f"'{context.caller.account}'"
        )
        raise AlreadyExists("pull-through cache rule", prefix, why=why) from error
    return _shown(context, document, "updatedAt")


def describe_rules(txn: Txn, context: Context, params: Params) -> Result:
    """Those named, or all, page by page."""
    if prefixes := params.get("ecrRepositoryPrefixes"):
        found = [_find(txn, context, {"ecrRepositoryPrefix": prefix}) for prefix in prefixes]
        return {"pullThroughCacheRules": [_shown(context, one.document) for one in found]}
    records, token = read_page(
        lambda after, limit: txn.find(CACHE_RULE, scope=context.scope, after=after, limit=limit),
        {"maxResults": 100} | params,
        "ecr-cache-rules",
        context.scope,
        most=PAGE_MAX,
    )
    result: Result = {"pullThroughCacheRules": [_shown(context, one.document) for one in records]}
    return result | ({"nextToken": token} if token else {})


def update_rule(txn: Txn, context: Context, params: Params) -> Result:
    """Other credentials."""
    record = _find(txn, context, params)
    given = {name: params[name] for name in ("credentialArn", "customRoleArn") if params.get(name)}
    document = record.document | given | {"updatedAt": context.now_s}
    txn.put(record.changed(document=document))
    return _shown(context, document, "createdAt", "upstreamRegistryUrl", "upstreamRegistry")


def delete_rule(txn: Txn, context: Context, params: Params) -> Result:
    """Images that were pulled through stay."""
    record = _find(txn, context, params)
    txn.delete(record)
    return _shown(context, record.document, "updatedAt", "upstreamRegistry")


async def validate_rule(store: Store, context: Context, params: Params) -> Result:
    """Whether the other registry answers, and takes the credentials."""
    rule = await store.view(lambda txn: _find(txn, context, params))
    result = _shown(context, rule.document, "createdAt", "updatedAt", "upstreamRegistry")
    try:
        credentials = await read_credentials(store, context.vault, rule, now_s=context.now_s)
        upstream = Upstream(rule.document["upstreamRegistryUrl"], credentials)
        await upstream.ping()
    except (UpstreamFailed, NotFound) as error:
        return result | {"isValid": False, "failure": str(error)}
    return result | {"isValid": True}


def _find(txn: Txn, context: Context, params: Params) -> Record:
    prefix = params["ecrRepositoryPrefix"]
    record = txn.get(CACHE_RULE, rule_key(context.scope, prefix))
    if record is None:
        why = (
            f"The pull through cache rule with prefix '{prefix}' does not exist in the registry with id "
            f"'{context.caller.account}'"
        )
        raise NotFound("pull-through cache rule", prefix, why=why)
    return record


def _shown(context: Context, document: Document, *but: str) -> Result:
    """The rule, without the members that the answer does not have."""
    shown = {name: document[name] for name in _SHOWN if name in document and name not in but}
    return shown | {"registryId": context.caller.account}


OPERATIONS: Mapping[str, Operation] = {
    "CreatePullThroughCacheRule": Writes(create_rule),
    "DeletePullThroughCacheRule": Writes(delete_rule),
    "DescribePullThroughCacheRules": Reads(describe_rules),
    "UpdatePullThroughCacheRule": Writes(update_rule),
    "ValidatePullThroughCacheRule": Performs(validate_rule),
}
