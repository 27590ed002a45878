"""GetSessionToken and GetFederationToken: temporary keys of a user's own, the latter narrowed to policies."""

from collections.abc import Mapping

import msgspec

from bastide.api.operation import Context, Operation, Params, Reads, Result
from bastide.api.sts.limits import check_devices, check_long_term
from bastide.api.sts.session_policies import read_asked
from bastide.api.sts.sessions import credentials, new_session
from bastide.model.arn import render_arn
from bastide.permissions import PrincipalKind
from bastide.store import Txn

SECONDS = 43_200
ROOT_MAX_S = 3600  # API reference, GetSessionToken: of an account's owner


def get_session_token(txn: Txn, ctx: Context, params: Params) -> Result:
    """The caller's own permissions, by keys that end."""
    check_long_term(ctx.caller, "GetSessionToken")
    check_devices(params)
    session = new_session(ctx, ctx.caller, entity=ctx.caller.entity, seconds=_seconds(ctx, params))
    return {"Credentials": credentials(ctx.vault, session, params)}


def get_federation_token(txn: Txn, ctx: Context, params: Params) -> Result:
    """What both the caller and the policies of the request allow; without policies nothing."""
    check_long_term(ctx.caller, "GetFederationToken")
    asked = read_asked(txn, ctx, params)
    account, name = ctx.caller.account, params["Name"]
    federated = msgspec.structs.replace(
        ctx.caller,
        kind=PrincipalKind.FEDERATED,
        principal_arn=render_arn("sts", "", account, f"federated-user/{name}"),
        user_id=f"{account}:{name}",
    )
    session = new_session(
        ctx,
        federated,
        entity=ctx.caller.entity,
        seconds=_seconds(ctx, params),
        has_policies=True,
        policies=asked.policies,
        policy_arns=asked.arns,
        tags=asked.tags,
        issuer_arn=ctx.caller.principal_arn if ctx.caller.entity else "",
    )
    answer: Result = {
        "Credentials": credentials(ctx.vault, session, params),
        "FederatedUser": {"FederatedUserId": session.user_id, "Arn": session.arn},
    }
    if asked.has_policies or asked.tags:
        answer["PackedPolicySize"] = asked.percent
    return answer


def _seconds(ctx: Context, params: Params) -> int:
    seconds: int = params.get("DurationSeconds", SECONDS)
    return min(seconds, ROOT_MAX_S) if ctx.caller.kind is PrincipalKind.ROOT else seconds


OPERATIONS: Mapping[str, Operation] = {
    "GetFederationToken": Reads(get_federation_token),
    "GetSessionToken": Reads(get_session_token),
}
