"""The rules of ECS requests, as functions that raise and change nothing.

Texts are the service's own wherever they are known; AWS answers these with ClientException. The order in
which rules are tried is ours: the service's is not documented.
"""

from typing import Any, NoReturn

from bastide.model.faults import Invalid

Document = dict[str, Any]


NULL = "\0"  # in no argument, environment variable or path of a process


def null_in(value: Any, at: str) -> str | None:
    """Where a text of the request holds a null character, which no process could be given."""
    if isinstance(value, str):
        return at if NULL in value else None
    if isinstance(value, dict):
        parts = ((f"{at}.{name}", one) for name, one in value.items())
        if any(NULL in name for name in value):
            return at
    elif isinstance(value, list):
        parts = ((at, one) for one in value)
    else:
        return None
    return next((found for name, one in parts if (found := null_in(one, name))), None)


def refuse(why: str) -> NoReturn:
    """A task definition that cannot be, and the sentence the user reads."""
    raise Invalid("task definition", why=why)
