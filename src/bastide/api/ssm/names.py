"""What a parameter may be called, and which one a name, an ARN or a selector means.

Rules: Systems Manager user guide, "About requirements and constraints for parameter names".
"""

import re
from typing import NamedTuple

from bastide.model.arn import Arn, parse_arn, render_arn, scope_of
from bastide.model.faults import Denied, Invalid, LimitExceeded

LEVELS_MAX = 15
ARN_MAX_CHARS = 1011
RESERVED = ("aws", "ssm")
_RESOURCE = "parameter"
_PART = re.compile(r"[A-Za-z0-9_.-]+")
_SUB_PATHS = (
    "If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be "
    "formed as a mix of letters, numbers and the following 3 symbols .-_"
)


class Selected(NamedTuple):
    """A parameter, and which of its versions: a number or a label; None: the newest."""

    names: tuple[str, ...]  # where an ARN leaves open whether the name begins with a slash, both
    selector: str | None


def parameter_arn(scope: str, name: str) -> Arn:
    """`parameter/NAME`, with one slash whether the name begins with one or not."""
    account, region = scope.split("/")
    return render_arn("ssm", region, account, f"{_RESOURCE}/{name.removeprefix('/')}")


def parameter_key(scope: str, name: str) -> str:
    """The key of its record: `x` and `/x` are two parameters with one ARN."""
    return f"{scope}:{name}"


def check_name(name: str, scope: str) -> None:
    """Raise what the service does for a name that a new parameter may not have."""
    check_reserved(name)
    parts = name.removeprefix("/").split("/")
    if len(parts) > 1 and not name.startswith("/"):
        raise Invalid("parameter", name, why="Parameter name must be a fully qualified name.")
    if not all(_PART.fullmatch(part) for part in parts):
        why = "Invalid parameter name. Please use correct syntax for referencing a parameter: only a mix of "
        raise Invalid("parameter", name, why=f"{why}letters, numbers and the following 3 symbols .-_")
    if len(parts) > LEVELS_MAX:
        why = f"A hierarchy can have a maximum of {LEVELS_MAX} levels. Yours has {len(parts)}."
        raise LimitExceeded("levels", name, why=why)
    if len(parameter_arn(scope, name)) > ARN_MAX_CHARS:
        why = f"The parameter name is too long: with its ARN it can have {ARN_MAX_CHARS} characters."
        raise Invalid("parameter", name, why=why)


def check_reserved(name: str) -> None:
    """Raise what the service does for a name that is AWS's own."""
    if not name.removeprefix("/").lower().startswith(RESERVED):
        return
    is_path = name.count("/") > 1
    if is_path and name.lower().startswith("/aws"):
        raise Denied("parameter name", name, why=f"No access to reserved parameter name: {name}.")
    prefixes = '"ssm"' if is_path else '"aws" or "ssm"'
    why = f"Parameter name: can't be prefixed with {prefixes} (case-insensitive). {_SUB_PATHS}"
    raise Invalid("parameter", name, why=why)


def parse_selected(text: str, scope: str) -> Selected:
    """What `name`, `name:selector` or an ARN of this scope with or without a selector means."""
    arn = parse_arn(text)
    if arn is None:
        name, colon, selector = text.partition(":")
        return Selected((name,), selector if colon else None)
    resource, colon, selector = arn.resource.partition(":")
    name = resource.removeprefix(f"{_RESOURCE}/")
    if arn.service != "ssm" or scope_of(arn.account, arn.region) != scope or name == resource:
        return Selected((), None)
    names = (f"/{name}",) if "/" in name else (name, f"/{name}")
    return Selected(names, selector if colon else None)
