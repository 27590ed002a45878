"""AssumeRoleWithWebIdentity and AssumeRoleWithSAML: refused as AWS does where it knows no such provider.

There are no providers here (IAM's operations on them are not there), so no token can be one's.
"""

from collections.abc import Mapping
from typing import NoReturn

from bastide.api.operation import Operation, Params, Refuses
from bastide.model.faults import Invalid

_INSTEAD = "Bastide knows no identity providers: docs/permissions.md says who signs here."


def refuse_web_identity(params: Params) -> NoReturn:
    """Whatever the token."""
    why = f"No OpenIDConnect provider found in your account for the token. {_INSTEAD}"
    raise Invalid("identity token", why=why)


def refuse_saml(params: Params) -> NoReturn:
    """Whatever the assertion."""
    why = f"Specified provider doesn't exist: {params['PrincipalArn']}. {_INSTEAD}"
    raise Invalid("identity token", why=why)


OPERATIONS: Mapping[str, Operation] = {
    "AssumeRoleWithSAML": Refuses(refuse_saml),
    "AssumeRoleWithWebIdentity": Refuses(refuse_web_identity),
}
