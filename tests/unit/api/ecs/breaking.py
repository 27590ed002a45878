"""Wrong requests made from a right one: every member, at any depth, replaced by what may be wrong.

Which members there are, and of which type, is botocore's model's to say, so that a new member is tried
without a word here.
"""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

Path = tuple[str | int, ...]

ANYTHING: tuple[Any, ...] = (None, True, 7, -1, 1.5, "x", "", [], {}, [[]], [None], {"a": 1}, [{"a": {}}])
TEXTS: tuple[str, ...] = (
    *(" ", "-", "/", "//", ".", "..", ":", "::", "=", ",", "*", "?", "%s", "{name}", "\\", "'", '"', "$HOME"),
    *(
        "é",
        "🚲",
        "²",
        "\u202e",
        "\u0000",
        "\n",
        "a\nb",
        "\ud800",
        "a\u0000b",
        "NOPE",
        "null",
        "true",
        "0",
        "-1",
    ),
    *("1e9", "9" * 30, "nofile", "ALL", "CMD", "arn:", "arn:aws:s3:::b/x.env", "../../etc/passwd", "/a/../b"),
    *("(", "[", "(?=x)", "%Q", "%Y-%m", "10m", "10x", "blocking", "0:0", "a:b:c", "99999999999:1"),
    *("a" * 64, "a" * 65, "a" * 255, "a" * 256, "a" * 1024, "a" * 70_000, "é" * 300),
)
NUMBERS: tuple[Any, ...] = (
    *(
        -(2**63),
        -(2**31),
        -2,
        -1,
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        10,
        11,
        20,
        21,
        29,
        30,
        59,
        60,
        119,
        120,
        121,
        200,
        201,
    ),
    *(
        300,
        301,
        1800,
        1801,
        65535,
        65536,
        2**20,
        2**20 + 1,
        2**31 - 1,
        2**31,
        2**63 - 1,
        2**63,
        1.5,
        1e300,
        "1",
    ),
)
MANY = 120


class Broken(NamedTuple):
    """One request, and which member of it was replaced."""

    path: Path
    body: dict[str, Any]


def broken(shape: Any, good: dict[str, Any]) -> Iterator[Broken]:
    """Every member replaced by every value there is for its type, one at a time."""
    for path, member in members(shape, good):
        for value in values(member, found(good, path)):
            yield Broken(path, replaced(good, path, value))
        if without := removed(good, path):
            yield Broken(path, without)


def members(shape: Any, good: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The shape's members at any depth; of a list its first element, of a map every key there is."""
    if path:
        yield path, shape
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from members(member, good, (*path, name))
    elif shape.type_name == "list":
        yield from members(shape.member, good, (*path, 0))
    elif shape.type_name == "map":
        for key in {"a": None} | (found(good, path) or {}):
            yield from members(shape.value, good, (*path, key))


def values(shape: Any, there: Any) -> Iterator[Any]:
    """What a member of this shape may wrongly be; `there` is what it is in the right request."""
    yield from ANYTHING
    if shape.type_name == "string":
        yield from TEXTS
        yield from getattr(shape, "enum", ())
    elif shape.type_name in ("integer", "long"):
        yield from NUMBERS
    elif shape.type_name == "list":
        one = there[0] if there else "x"
        yield [one, one]
        yield [one] * MANY
        yield [one, None]
    elif shape.type_name == "map":
        yield {"": ""}
        yield {"a" * 300: "b"}
        yield {"k": None}
        yield {str(number): "v" for number in range(MANY)}


def found(body: Any, path: Path) -> Any:
    """What is at a path, or None."""
    for step in path:
        try:
            body = body[step]
        except (LookupError, TypeError):
            return None
    return body


def replaced(good: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """The request with one member set; what leads to it is made where it is not there."""
    body: Any = copy.deepcopy(good)
    whole, (*above, last) = body, path
    for step, following in zip(above, path[1:], strict=True):
        body = _entered(body, step, [] if isinstance(following, int) else {})
    _entered(body, last, value)
    if isinstance(last, int):
        body[min(last, len(body) - 1)] = value
    else:
        body[last] = value
    result: dict[str, Any] = whole
    return result


def removed(good: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """The request without one member; None when it has none."""
    if found(good, path) is None:
        return None
    whole: Any = copy.deepcopy(good)
    target = whole
    for step in path[:-1]:
        target = target[step]
    del target[path[-1]]
    result: dict[str, Any] = whole
    return result


def _entered(body: Any, step: str | int, fresh: Any) -> Any:
    """What is behind a step, put there if nothing is."""
    if isinstance(step, int):
        if len(body) <= step:
            body.append(copy.deepcopy(body[0]) if body and not isinstance(fresh, str) else fresh)
        return body[min(step, len(body) - 1)]
    return body.setdefault(step, fresh)
