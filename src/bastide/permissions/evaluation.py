"""Whether a request is allowed, and if not, which kind of policy stands in the way.

Owns the order of IAM's decision within one account (IAM user guide, "Policy evaluation logic"); there are no
organisations here, hence no service control policies. Pure: everything that decides is an argument.
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from bastide.permissions.policies import Policy
from bastide.permissions.principals import Named
from bastide.permissions.requests import PrincipalKind, Request


class Source(StrEnum):
    """The kinds of policies that decide."""

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"


class Decision(NamedTuple):
    """Allowed where `source` is None; else which kind refused, by a statement or by having none."""

    source: Source | None = None
    is_explicit: bool = False

    @property
    def is_allowed(self) -> bool:
        return self.source is None


ALLOWED = Decision()


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that counts for one principal and one resource; None where there is no such policy."""

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    resource: Policy | None = None


def evaluate(request: Request, policies: Policies) -> Decision:
    """The decision on one request."""
    denied = _explicit_denial(request, policies)
    if denied is not None:
        return Decision(denied, True)
    if request.principal.kind is PrincipalKind.ROOT:
        return ALLOWED
    granted = Named.NOT if policies.resource is None else policies.resource.grants(request)
    if granted is Named.DIRECTLY:
        return ALLOWED
    if granted is not Named.ROLE and not _one_allows(policies.identity, request):
        return Decision(Source.IDENTITY)
    if policies.boundary is not None and not policies.boundary.allows(request):
        return Decision(Source.BOUNDARY)
    if policies.session is None:
        # A federated session has no permissions but those of the policies it was made with.
        is_federated = request.principal.kind is PrincipalKind.FEDERATED
        return Decision(Source.SESSION) if is_federated else ALLOWED
    return ALLOWED if _one_allows(policies.session, request) else Decision(Source.SESSION)


def evaluate_trust(request: Request, policies: Policies, trust: Policy) -> Decision:
    """The decision on assuming a role: its trust policy must allow, whatever else does.

    Where it names the caller's account and not the caller, the caller's own policies must allow as well.
    """
    if trust.denies(request):
        return Decision(Source.TRUST, True)
    granted = trust.grants(request)
    if granted is Named.NOT:
        return Decision(Source.TRUST)
    own = msgspec.structs.replace(policies, resource=trust)
    return evaluate(request, own)


def _explicit_denial(request: Request, policies: Policies) -> Source | None:
    for policy in policies.identity:
        if policy.denies(request):
            return Source.IDENTITY
    if policies.resource is not None and policies.resource.denies(request):
        return Source.RESOURCE
    if policies.boundary is not None and policies.boundary.denies(request):
        return Source.BOUNDARY
    for policy in policies.session or ():
        if policy.denies(request):
            return Source.SESSION
    return None


def _one_allows(policies: tuple[Policy, ...], request: Request) -> bool:
    return any(policy.allows(request) for policy in policies)
