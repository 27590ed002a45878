"""One permission that is needed, and whether policies give it."""

from collections.abc import Mapping

import msgspec

from bastide.api.authorization.callers import resource_policies
from bastide.api.authorization.messages import encode_message
from bastide.api.authorization.resources.found import Found
from bastide.api.vault import Vault
from bastide.model.faults import Denied, Invalid
from bastide.permissions import (
    Decision,
    Policies,
    Principal,
    Request,
    Source,
    evaluate,
    render_denial,
)
from bastide.permissions.patterns import Values


class Demand(Request, frozen=True, kw_only=True):
    """One permission that is needed, and the policies that stand at the resource, which count too."""

    policies: tuple[str, ...] = ()


def demand_of(principal: Principal, action: str, found: Found, known: Mapping[str, Values]) -> Demand:
    """One permission on one resource, of whose tags and keys conditions may ask."""
    keys = known
    if found.keys or found.tags:
        keys = {**known, **found.keys}
        service = action.partition(":")[0]
        for key, value in found.tags.items():
            name = f"resourcetag/{key.lower()}"
            keys[f"aws:{name}"] = keys[f"{service}:{name}"] = value
    return Demand(action=action, resource=found.arn, principal=principal, keys=keys, policies=found.policies)


def check_demand(demand: Demand, policies: Policies, *, seals: Vault | None = None) -> None:
    """Raise Denied unless one thing is allowed; with a vault it says what decided, sealed."""
    try:
        if demand.policies:
            policies = msgspec.structs.replace(policies, resource=resource_policies(demand.policies))
        decision = evaluate(demand, policies)
    except Invalid:  # kept from before policies were read: what it would deny cannot be known
        decision = Decision(Source.RESOURCE, True)
    if not decision.is_allowed:
        encoded = "" if seals is None else encode_message(seals, demand, decision, policies)
        why = render_denial(demand, decision)
        raise Denied("permission", demand.resource, why=why, encoded=encoded)
