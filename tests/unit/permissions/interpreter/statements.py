"""Whether a statement applies, and how directly it names who asks."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.unit.permissions.interpreter.texts import Keys, is_arn_like, is_like, substitute
from tests.unit.permissions.interpreter.values import is_matched

Statement = Mapping[str, Any]
NOBODY, ACCOUNT, ROLE, ITSELF = range(4)  # how directly somebody is named


class Who(NamedTuple):
    """Somebody who asks; `issuer` is the role or user whose session it is. Either may have a unique id."""

    kind: str
    arn: str
    account: str
    issuer: str = ""
    id: str = ""
    issuer_id: str = ""


class Asked(NamedTuple):
    """What is asked."""

    action: str
    resource: str
    who: Who
    keys: Keys


def listed(value: Any) -> list[Any]:
    """A list of what may be one or many."""
    return value if isinstance(value, list) else [value]


def written(value: Any) -> str:
    """A condition's value, which may stand without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def naming(statement: Statement, asked: Asked, *, new: bool) -> int:
    """How directly a statement that applies names who asks; NOBODY where it does not apply."""
    is_whole = (
        is_about_action(statement, asked.action)
        and is_about_resource(statement, asked, new=new)
        and holds_all(statement, asked.keys, new=new)
    )
    return named(statement, asked.who) if is_whole else NOBODY


def is_about_action(statement: Statement, action: str) -> bool:
    """The prefix and the action name are case insensitive."""
    patterns = listed(statement.get("Action", statement.get("NotAction")))
    is_named = any(is_like(pattern.lower(), action.lower()) for pattern in patterns)
    return is_named != ("NotAction" in statement)


def is_about_resource(statement: Statement, asked: Asked, *, new: bool) -> bool:
    """A variable with no value matches no resource; components that are left out may be anything."""
    if "Resource" not in statement and "NotResource" not in statement:
        return True
    is_named = False
    for pattern in listed(statement.get("Resource", statement.get("NotResource"))):
        filled = substitute(pattern, asked.keys) if new else pattern
        if filled is not None:
            while filled != "*" and filled.count(":") < 5:
                filled += ":*"
            is_named = is_named or is_arn_like(filled, asked.resource)
    return is_named != ("NotResource" in statement)


def holds_all(statement: Statement, keys: Keys, *, new: bool) -> bool:
    """Operators and keys are an AND."""
    return all(
        holds(name, listed(wanted), keys.get(key.lower(), ()), keys, new=new)
        for name, by_key in statement.get("Condition", {}).items()
        for key, wanted in by_key.items()
    )


def holds(name: str, wanted: list[Any], found: Any, keys: Keys, *, new: bool) -> bool:
    """One condition on one key."""
    qualifier, _, operator = name.lower().rpartition(":")
    values = [found] if isinstance(found, str) else list(found)
    if qualifier or operator == "null":
        values = [] if values == [""] else values
    if operator == "null":
        return ("false" if values else "true") in [written(each).lower() for each in wanted]
    if_exists = operator.endswith("ifexists")
    operator = operator.removesuffix("ifexists")
    negated = "not" in operator
    matches = [
        any(is_matched(operator.replace("not", ""), written(each), value, keys, new=new) for each in wanted)
        for value in values
    ]
    if qualifier == "forallvalues":
        return all(match != negated for match in matches)
    if not values:
        return if_exists or (negated and not qualifier)
    if qualifier == "foranyvalue":
        return any(match != negated for match in matches)
    return any(matches) != negated


def named(statement: Statement, who: Who) -> int:
    """Principal and NotPrincipal; what stands at an identity is about that identity."""
    if "Principal" in statement:
        return among(statement["Principal"], who)
    if "NotPrincipal" not in statement:
        return ITSELF
    spared = among(statement["NotPrincipal"], who)
    if (
        statement["Effect"] == "Deny"
        and not is_everybody(statement["NotPrincipal"])
        and who.kind != "service"
    ):
        # Account, role and session have each to be listed, or the denial reaches them.
        names = listed(statement["NotPrincipal"].get("AWS", []))
        for arn, id_ in ((who.arn, who.id), (who.issuer, who.issuer_id)):
            if arn not in ("", root(who), *names) and (not id_ or id_ not in names):
                return ITSELF
        return NOBODY if who.account in names or root(who) in names else ITSELF
    return NOBODY if spared else ITSELF


def among(principal: Any, who: Who) -> int:
    """How directly a list of principals names somebody."""
    if is_everybody(principal):
        return ITSELF
    names = listed(principal.get("Service" if who.kind == "service" else "AWS", []))
    if who.arn in names or (who.id and who.id in names):
        return ITSELF
    if who.kind == "service":
        return NOBODY
    if (who.issuer and who.issuer in names) or (who.issuer_id and who.issuer_id in names):
        return ROLE
    return ACCOUNT if who.account in names or root(who) in names else NOBODY


def is_everybody(principal: Any) -> bool:
    """`"*"` and `{"AWS": "*"}` are the same."""
    return principal == "*" or "*" in listed(principal.get("AWS", []))


def root(who: Who) -> str:
    """The ARN that stands for the account."""
    return f"arn:aws:iam::{who.account}:root"
