"""Repository policies: checked to be one, kept and shown. `authorization/` asks them on every call."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bastide.api.ecr.named import called, named_repository
from bastide.api.iam.identities.named import bind_principals, show_principals
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import Invalid, NotFound
from bastide.permissions import PolicyKind, parse_document
from bastide.store import Record, Txn

VERSIONS = ("2008-10-17", "2012-10-17")
_STATEMENT = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition")


def check_policy(text: str) -> None:
    """Raises Invalid unless the text is a repository policy."""
    try:
        policy = msgspec.json.decode(text.encode())
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _invalid("the policy is not valid JSON") from error
    if not isinstance(policy, dict) or policy.get("Version", VERSIONS[0]) not in VERSIONS:
        raise _invalid(f"'Version' must be one of {', '.join(VERSIONS)}")
    statements = policy.get("Statement")
    for statement in statements if isinstance(statements, list) else [statements]:
        _check_statement(statement)
    try:
        parse_document(text, PolicyKind.RESOURCE)
    except Invalid as invalid:
        raise _invalid(invalid.why) from invalid


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise _invalid("'Statement' must be a statement or a list of them")
    if unknown := sorted(statement.keys() - set(_STATEMENT)):
        raise _invalid(f"a statement has no member '{unknown[0]}'; a repository policy has no resources")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _invalid("'Effect' must be Allow or Deny")
    if ("Principal" in statement) == ("NotPrincipal" in statement):
        raise _invalid("a statement needs one of 'Principal' and 'NotPrincipal'")
    if ("Action" in statement) == ("NotAction" in statement):
        raise _invalid("a statement needs one of 'Action' and 'NotAction'")
    told = statement.get("Action", statement.get("NotAction"))
    actions = told if isinstance(told, list) else [told]
    if not all(isinstance(one, str) and (one == "*" or one.startswith("ecr:")) for one in actions):
        raise _invalid("actions must be of ecr")


def set_repository_policy(txn: Txn, context: Context, params: Params) -> Result:
    """Keep the text as it is."""
    record = named_repository(txn, context, params)
    text = params["policyText"]
    check_policy(text)
    kept = bind_principals(txn, context.caller.account, text)
    txn.put(record.changed(document={**record.document, "policy": kept}))
    return called(record) | {"policyText": text}


def get_repository_policy(txn: Txn, context: Context, params: Params) -> Result:
    """The text as it was set."""
    record = named_repository(txn, context, params)
    return called(record) | {"policyText": _policy_of(txn, record)}


def delete_repository_policy(txn: Txn, context: Context, params: Params) -> Result:
    """No policy any more; what it was."""
    record = named_repository(txn, context, params)
    text = _policy_of(txn, record)
    document = {name: value for name, value in record.document.items() if name != "policy"}
    txn.put(record.changed(document=document))
    return called(record) | {"policyText": text}


def _policy_of(txn: Txn, record: Record) -> str:
    text: str | None = record.document.get("policy")
    account = record.scope.partition("/")[0]
    if text is None:
        why = (
            f"Repository policy does not exist for the repository with name '{record.name}' in the registry "
            f"with id '{account}'"
        )
        raise NotFound("repository policy", record.name, why=why)
    return show_principals(txn, account, text)


def _invalid(why: str) -> Invalid:
    told = (
        f"Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy: {why}'"
    )
    return Invalid("parameter", why=told)


OPERATIONS: Mapping[str, Operation] = {
    "DeleteRepositoryPolicy": Writes(delete_repository_policy),
    "GetRepositoryPolicy": Reads(get_repository_policy),
    "SetRepositoryPolicy": Writes(set_repository_policy),
}
