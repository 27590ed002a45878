"""DecodeAuthorizationMessage: what a refusal of EC2's said in its encoded part."""

from collections.abc import Mapping

from bastide.api.authorization.messages import decode_message
from bastide.api.operation import Context, Operation, Params, Reads, Result
from bastide.api.sts.limits import check_long_term
from bastide.permissions import PrincipalKind
from bastide.store import Txn


def decode_authorization_message(txn: Txn, ctx: Context, params: Params) -> Result:
    """The message as JSON; one of another account or installation is none."""
    if ctx.caller.kind is not PrincipalKind.ROLE:
        check_long_term(ctx.caller, "DecodeAuthorizationMessage")
    return {"DecodedMessage": decode_message(ctx.vault, ctx.caller.account, params["EncodedMessage"])}


OPERATIONS: Mapping[str, Operation] = {
    "DecodeAuthorizationMessage": Reads(decode_authorization_message),
}
