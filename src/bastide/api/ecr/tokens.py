"""GetAuthorizationToken: what `aws ecr get-login-password` prints and docker is given."""

import base64
from collections.abc import Mapping

from bastide.api.distribution.access import USER, issue_token, registry_host
from bastide.api.operation import Context, Operation, Params, Reads, Result
from bastide.store import Txn


def get_authorization_token(txn: Txn, context: Context, params: Params) -> Result:
    """One entry for each registry asked for, the caller's own if none is; the same token for all."""
    caller = context.caller
    password, expires = issue_token(context.vault, caller, now=context.now)
    token = base64.b64encode(f"{USER}:{password}".encode()).decode()
    return {
        "authorizationData": [
            {
                "authorizationToken": token,
                "expiresAt": round(expires.timestamp(), 3),
                "proxyEndpoint": f"https://{registry_host(context.settings, account, caller.region)}",
            }
            for account in params.get("registryIds") or [caller.account]
        ]
    }


OPERATIONS: Mapping[str, Operation] = {"GetAuthorizationToken": Reads(get_authorization_token)}
