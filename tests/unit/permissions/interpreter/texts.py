"""Wildcards, variables and ARNs, as plainly as they can be written.

Wildcards that are no wildcards are hidden in the private area: those of a variable's value, and `${*}`.
"""

from collections.abc import Mapping
from typing import Any

Keys = Mapping[str, Any]  # in lower case
HIDDEN = {"*": "\ue000", "?": "\ue001", "$": "\ue002"}
SHOWN = {hidden: sign for sign, hidden in HIDDEN.items()}


def hide(text: str) -> str:
    """Its wildcards as characters of the private area."""
    return "".join(HIDDEN.get(sign, sign) for sign in text)


def show(text: str) -> str:
    """The text again."""
    return "".join(SHOWN.get(sign, sign) for sign in text)


def is_like(pattern: str, text: str) -> bool:
    """Whether a text is like a pattern: where in the text one can be, sign by sign of the pattern."""
    places = {0}
    for sign in pattern:
        if sign == "*":
            places = set(range(min(places), len(text) + 1))
        else:
            fitting = {place for place in places if place < len(text)}
            places = {place + 1 for place in fitting if sign == "?" or show(sign) == text[place]}
        if not places:
            return False
    return len(text) in places


def is_arn_like(pattern: str, arn: str) -> bool:
    """Each of the six components on its own."""
    if pattern == "*":
        return True
    components, parts = pattern.split(":", 5), arn.split(":", 5)
    if len(components) < 6 or len(parts) < 6:
        return False
    return all(is_like(component, part) for component, part in zip(components, parts, strict=True))


def substitute(text: str, keys: Keys) -> str | None:
    """The text with values for its variables; None where one has no value and no default."""
    done = ""
    while "${" in text:
        before, _, rest = text.partition("${")
        inside, _, text = rest.partition("}")
        name, comma, default = inside.partition(",")
        name = name.strip().lower()
        value = keys.get(name)
        if name in HIDDEN:
            value = name
        elif not isinstance(value, str):
            if not comma:
                return None
            value = default.strip()[1:-1]
        done += before + hide(value)
    return done + text
