"""Filter patterns made at random by AWS's grammar, beside a plain reading of what each means."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from bastide.api.logs.patterns.filter_pattern import parse_filter_pattern

WORDS = ("ERROR", "WARN", "GET", "4xx", "a_b", "x")
MESSAGES = st.lists(st.sampled_from([*WORDS, "ERRORS", "get", "-", "a b"]), max_size=5).map(" ".join)
GAP = st.sampled_from(["", " ", "  "])
SPACE = st.sampled_from([" ", "  ", "\t"])


class Meant(NamedTuple):
    """A pattern, and what it means."""

    text: str
    fits: Callable[[Any], bool]


@st.composite
def terms(draw: st.DrawFn) -> Meant:
    """Needed, excluded, optional terms; bare, quoted or as regular expressions."""
    parts: list[tuple[str, str]] = draw(
        st.lists(st.tuples(st.sampled_from(["", "-", "?"]), st.sampled_from(WORDS)), min_size=1, max_size=4)
    )
    spelled = []
    regexes = 0
    for sign, word in parts:
        form = draw(st.sampled_from(["bare", "quoted", "regex"]))
        regexes += form == "regex"
        if form == "regex" and regexes <= 2:
            spelled.append(f"{sign}%{word}%")
        else:
            spelled.append(sign + (f'"{word}"' if form == "quoted" else word))
    by_sign = {sign: [word for found, word in parts if found == sign] for sign in ("", "-", "?")}

    def fits(message: str) -> bool:
        if any(word in message for word in by_sign["-"]):
            return False
        if by_sign[""] or by_sign["-"]:
            return all(word in message for word in by_sign[""])
        return any(word in message for word in by_sign["?"])

    return Meant(draw(SPACE).join(spelled), fits)


VALUES = st.one_of(
    st.integers(-3, 3), st.sampled_from(["GET", "PUT", "2", ""]), st.booleans(), st.none(), st.just([1])
)
DOCUMENTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3)
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda one, two: one < two,
    "<=": lambda one, two: one <= two,
    ">": lambda one, two: one > two,
    ">=": lambda one, two: one >= two,
}


def number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def told(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float | str) else None


@st.composite
def conditions(draw: st.DrawFn) -> Meant:
    """One comparison of a JSON pattern."""
    name, gap = draw(st.sampled_from(["a", "b", "c"])), draw(GAP)
    kind = draw(st.sampled_from(["number", "text", "prefix", "is", "exists"]))
    if kind == "number":
        operator, wanted = draw(st.sampled_from([*COMPARE])), draw(st.integers(-3, 3))
        text = f"$.{name}{gap}{operator}{gap}{wanted}"

        def fits(document: Any) -> bool:
            found = number(document.get(name))
            return found is not None and COMPARE[operator](found, wanted)

    elif kind in ("text", "prefix"):
        is_equal, wanted_text = draw(st.booleans()), draw(st.sampled_from(["GET", "PUT"]))
        shown = f'"{wanted_text[0]}*"' if kind == "prefix" else f'"{wanted_text}"'
        text = f"$.{name}{gap}{'=' if is_equal else '!='}{gap}{shown}"

        def fits(document: Any) -> bool:
            found = told(document.get(name))
            if found is None:
                return False
            same = found.startswith(wanted_text[0]) if kind == "prefix" else found == wanted_text
            return same is is_equal

    elif kind == "is":
        word, value = draw(st.sampled_from([("NULL", None), ("TRUE", True), ("FALSE", False)]))
        text = f"$.{name} IS {word}"

        def fits(document: Any) -> bool:
            return name in document and document[name] is value

    else:
        text = f"$.{name} NOT EXISTS"

        def fits(document: Any) -> bool:
            return name not in document

    return Meant(text, fits)


def joined(children: st.SearchStrategy[Meant]) -> st.SearchStrategy[Meant]:
    def join(one: Meant, two: Meant, mark: str, gap: str) -> Meant:
        if mark == "&&":
            return Meant(f"({one.text}){gap}&&{gap}({two.text})", lambda d: one.fits(d) and two.fits(d))
        return Meant(f"({one.text}){gap}||{gap}({two.text})", lambda d: one.fits(d) or two.fits(d))

    return st.builds(join, children, children, st.sampled_from(["&&", "||"]), GAP)


@st.composite
def columns(draw: st.DrawFn) -> Meant:
    """Names, some with a comparison, perhaps an ellipsis."""
    tests: list[str | None] = draw(
        st.lists(st.one_of(st.none(), st.sampled_from(WORDS)), min_size=1, max_size=4)
    )
    spelled = [f"c{at}" + (f" = {word}" if word else "") for at, word in enumerate(tests)]
    at = draw(st.one_of(st.none(), st.integers(0, len(tests))))
    if at is not None:
        spelled.insert(at, "...")

    def fits(message: str) -> bool:
        fields = message.split()
        if at is None:
            return len(fields) == len(tests) and _all(tests, fields)
        behind = len(tests) - at
        return (
            len(fields) >= len(tests)
            and _all(tests[:at], fields[:at])
            and _all(tests[at:], fields[len(fields) - behind :])
        )

    return Meant(f"[{draw(GAP)}{', '.join(spelled)}{draw(GAP)}]", fits)


def _all(tests: list[str | None], fields: list[str]) -> bool:
    return all(test is None or test == field for test, field in zip(tests, fields, strict=True))


@settings(max_examples=300, deadline=None)
@given(terms(), MESSAGES)
def test_terms(pattern: Meant, message: str) -> None:
    read = parse_filter_pattern(pattern.text)
    assert read.fits(message) is pattern.fits(message)
    assert not read.fits(message) or all(text in message for text in read.contains)


@settings(max_examples=300, deadline=None)
@given(st.recursive(conditions(), joined, max_leaves=5), DOCUMENTS)
def test_json(pattern: Meant, document: dict[str, Any]) -> None:
    read = parse_filter_pattern("{ " + pattern.text + " }")
    assert read.fits(json.dumps(document)) is pattern.fits(document)


@settings(max_examples=300, deadline=None)
@given(columns(), MESSAGES)
def test_columns(pattern: Meant, message: str) -> None:
    assert parse_filter_pattern(pattern.text).fits(message) is pattern.fits(message)
