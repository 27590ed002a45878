"""The decision within one account, as the IAM user guide tells it ("Policy evaluation logic")."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.unit.permissions.interpreter.statements import ITSELF, NOBODY, ROLE, Asked, listed, naming

Policy = Mapping[str, Any]
Policies = Mapping[str, Sequence[Policy]]  # identity, resource, boundary, session: those there are
ALLOWED = "allowed"


def strongest(policy: Policy, effect: str, asked: Asked) -> int:
    """How directly the statements of an effect name who asks, at most."""
    new = policy.get("Version") == "2012-10-17"
    found = [each for each in listed(policy["Statement"]) if each["Effect"] == effect]
    return max((naming(each, asked, new=new) for each in found), default=NOBODY)


def is_allowed_by(policies: Sequence[Policy], asked: Asked) -> bool:
    """Whether one of them has a statement that allows it."""
    return any(strongest(each, "Allow", asked) for each in policies)


def decide(policies: Policies, asked: Asked) -> str:
    """`allowed`, or what refuses: the kind of policy, and whether by a statement."""
    for kind in ("identity", "resource", "boundary", "session"):
        if any(strongest(each, "Deny", asked) for each in policies.get(kind, ())):
            return f"explicit {kind}"
    if asked.who.kind == "root":
        return ALLOWED
    direct = max((strongest(each, "Allow", asked) for each in policies.get("resource", ())), default=NOBODY)
    if direct == ITSELF:
        return ALLOWED
    if direct != ROLE and not is_allowed_by(policies.get("identity", ()), asked):
        return "no identity"
    if "boundary" in policies and not is_allowed_by(policies["boundary"], asked):
        return "no boundary"
    if "session" in policies and not is_allowed_by(policies["session"], asked):
        return "no session"
    if "session" not in policies and asked.who.kind == "federated":
        return "no session"
    return ALLOWED


def decide_trust(policies: Policies, trust: Policy, asked: Asked) -> str:
    """The same on assuming a role, which its trust policy must allow explicitly."""
    if strongest(trust, "Deny", asked):
        return "explicit trust"
    if not strongest(trust, "Allow", asked):
        return "no trust"
    return decide({**policies, "resource": [trust]}, asked)
