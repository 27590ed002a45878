"""A secret's own policy: who may use it besides those whose own policies say so, and who may not at all."""

from collections.abc import Mapping

from bastide.api.iam.identities.named import bind_principals, show_principals
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.api.secretsmanager.records import find_secret, find_usable
from bastide.model.faults import Denied, Invalid, NotFound
from bastide.permissions import check_at_resource, is_public
from bastide.store import Record, Txn

DEFAULT = "default"  # the only name a policy can have


def put_resource_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """Keep a policy in place of the one before."""
    secret, text = find_usable(txn, ctx, params["SecretId"]), params["ResourcePolicy"]
    _check_name(params)
    document = check_at_resource(text, vendor="secretsmanager")
    if params.get("BlockPublicPolicy") and is_public(document):
        raise Denied("public policy")
    kept = bind_principals(txn, ctx.caller.account, text)
    txn.put(secret.changed(document={**secret.document, "policy": kept}))
    return _called(secret, params)


def get_resource_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """The policy as it was put; none is no error."""
    secret = find_secret(txn, ctx, params["SecretId"])
    if params.get("PolicyName", DEFAULT) != DEFAULT:
        raise NotFound("policy", params["PolicyName"])
    called, text = _called(secret, params), secret.document.get("policy")
    if text is not None:
        called["ResourcePolicy"] = show_principals(txn, ctx.caller.account, text)
    return called


def delete_resource_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """Keep none any more; that there was none is no error."""
    secret = find_usable(txn, ctx, params["SecretId"])
    _check_name(params)
    document = {name: value for name, value in secret.document.items() if name != "policy"}
    txn.put(secret.changed(document=document))
    return _called(secret, params)


def validate_resource_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """Whether a policy would be taken with BlockPublicPolicy, and what is wrong with it."""
    if "SecretId" in params:
        find_secret(txn, ctx, params["SecretId"])
    document = check_at_resource(params["ResourcePolicy"], vendor="secretsmanager")
    bind_principals(txn, ctx.caller.account, params["ResourcePolicy"])
    if not is_public(document):
        return {"PolicyValidationPassed": True, "ValidationErrors": []}
    error = {
        "CheckName": "BlockPublicPolicy",
        "ErrorMessage": "The resource policy did not prevent broad access to the secret.",
    }
    return {"PolicyValidationPassed": False, "ValidationErrors": [error]}


def _check_name(params: Params) -> None:
    if params.get("PolicyName", DEFAULT) != DEFAULT:
        raise Invalid("parameter", why=f"A secret has one resource policy, of the name {DEFAULT}.")


def _called(secret: Record, params: Params) -> Result:
    named = {"PolicyName": DEFAULT} if "PolicyName" in params else {}
    return {"ARN": secret.key, "Name": secret.name, **named}


OPERATIONS: Mapping[str, Operation] = {
    "DeleteResourcePolicy": Writes(delete_resource_policy),
    "GetResourcePolicy": Reads(get_resource_policy),
    "PutResourcePolicy": Writes(put_resource_policy),
    "ValidateResourcePolicy": Reads(validate_resource_policy),
}
