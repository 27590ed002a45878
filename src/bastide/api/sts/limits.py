"""What keys that end cannot ask STS for, whatever policies say, and what nobody has devices for here.

Facts: IAM user guide, "Compare AWS STS credentials". That they reach nothing of IAM is authorization/'s.
"""

from bastide.api.operation import Caller, Params
from bastide.model.faults import Denied, Invalid
from bastide.permissions import PrincipalKind


def check_long_term(caller: Caller, operation: str) -> None:
    """Raise Denied for any session's keys."""
    if caller.is_temporary:
        raise Denied("session", why=f"Cannot call {operation} with session credentials")


def check_not_federated(caller: Caller, operation: str) -> None:
    """Raise Denied for keys of GetFederationToken, which may ask who they are and no more."""
    if caller.kind is PrincipalKind.FEDERATED:
        check_long_term(caller, operation)


def check_devices(params: Params) -> None:
    """Raise for a device that nobody has, and for contexts that nobody vouches for."""
    if "SerialNumber" in params or "TokenCode" in params:
        why = (
            "MultiFactorAuthentication failed, unable to validate MFA code. Please verify your MFA serial "
            "number is valid and associated with this user."
        )
        raise Denied("session", why=why)
    if "ProvidedContexts" in params:
        raise Invalid("parameter", why="No context provider is known here: see docs/compat.md.")
