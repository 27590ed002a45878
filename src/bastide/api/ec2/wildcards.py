"""Wildcards of EC2's filter values: `*` any run, `?` any character, a backslash for the character itself.

Linear walk with one point to go back to: a value of the user's never costs more than its length times the
text's, whatever it is made of.
"""

_ANY_RUN = "any run"
_ANY_ONE = "any one"


def matches_wildcards(pattern: str, text: str) -> bool:
    """Whether the whole text fits the pattern."""
    parts = _parse(pattern)
    at, part = 0, 0
    retry_part, retry_at = -1, 0  # behind the last `*`, and where its run ended when last tried
    while at < len(text):
        if part < len(parts) and parts[part] is _ANY_RUN:
            part += 1
            retry_part, retry_at = part, at
        elif part < len(parts) and (parts[part] is _ANY_ONE or parts[part] == text[at]):
            part += 1
            at += 1
        elif retry_part >= 0:
            retry_at += 1
            part, at = retry_part, retry_at
        else:
            return False
    return all(rest is _ANY_RUN for rest in parts[part:])


def _parse(pattern: str) -> list[str]:
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            parts.append(next(characters, "\\"))
        elif character == "*":
            parts.append(_ANY_RUN)
        else:
            parts.append(_ANY_ONE if character == "?" else character)
    return parts
