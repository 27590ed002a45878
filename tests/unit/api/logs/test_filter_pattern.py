"""Filter patterns: which messages they fit, and which patterns are none."""

import json
import time

import pytest

from bastide.api.logs.patterns.filter_pattern import parse_filter_pattern
from bastide.model.faults import Invalid

USERS = json.dumps(
    {
        "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [{"id": 2, "email": "john@example.com"}, {"id": 3, "email": "jane@example.com"}],
        "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6]],
        "latency": 55.5,
        "code": "400",
        "nothing": None,
        "flag": True,
        "odd key": "x",
    }
)
ACCESS = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


def fits(pattern: str, message: str) -> bool:
    return parse_filter_pattern(pattern).fits(message)


@pytest.mark.parametrize("pattern", ["", "  "])
def test_an_empty_pattern_fits_everything(pattern: str) -> None:
    assert fits(pattern, "") and fits(pattern, "anything")


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("ERROR", ["[ERROR] x", "ERRORCODE: -1"], ["error", "WARN"]),
        ("ERROR Exception", ["Exception after ERROR"], ["ERROR alone"]),
        ("ERROR -Exiting", ["ERROR here"], ["Exiting with ERROR"]),
        ("-ERROR", ["fine"], ["ERROR"]),
        ("?ERROR ?WARN", ["an ERROR", "a WARN"], ["INFO"]),
        ("INFO ?ERROR", ["INFO"], ["ERROR"]),
        ('"not found"', ["was not found here"], ["found not"]),
        (r'"say \"hi\"" -"a b"', ['say "hi"'], ['say "hi" a b', "say hi"]),
        ("Fehler_ß", ["Fehler_ß"], ["Fehler_ss"]),
    ],
)
def test_terms(pattern: str, fitting: list[str], others: list[str]) -> None:
    assert [message for message in fitting + others if fits(pattern, message)] == fitting


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.user.id = 1 }",
        '{ ($.user.id = 1) && ($.users[0].email = "john@example.com") }',
        '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = no && $.actions[2] = no }',
        "{ $.latency >= 55.5 && $.latency < 1e3 && $.latency > +1 && $.latency <= 5.55e1 }",
        "{ $.code = 400 }",
        "{ $.code != 500 }",
        "{ $.actions[0] = G* && $.actions[0] = *T && $.actions[0] = *E* && $.actions[0] = * }",
        "{ $.users[*].id = 3 }",
        "{ $.nothing IS NULL && $.flag IS TRUE && $.other NOT EXISTS }",
        '{ $["odd key"] = "x" }',
        "{ $.user.* = 1 }",
    ],
)
def test_json_that_fits(pattern: str) -> None:
    assert fits(pattern, USERS)


@pytest.mark.parametrize(
    "pattern",
    [
        "{ ($.user.id = 2 && $.users[0].email = x) || $.actions[2] = GET }",
        '{ ($.user.email = "John*" || $.coordinates[0][1] = 9) && $.actions[2] = no }',
        "{ $.users = 1 }",
        "{ $.users != 1 }",
        "{ $.missing != 1 }",
        "{ $.missing IS NULL }",
        "{ $.flag IS FALSE }",
        "{ $.code NOT EXISTS }",
        "{ $.user.email > 1 }",
        "{ $.actions[7] = * }",
    ],
)
def test_json_that_does_not_fit(pattern: str) -> None:
    assert not fits(pattern, USERS)


@pytest.mark.parametrize("message", ["", "plain text", "{broken", "42", "[" * 100_000, "\udcff"])
def test_what_is_no_json_object_never_fits_a_json_pattern(message: str) -> None:
    assert not fits("{ $.a NOT EXISTS }", message)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ip, user, username, timestamp, request, status_code, bytes]", True),
        ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", True),
        ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", True),
        ("[..., status_code = 4* && status_code != 403, bytes]", True),
        ("[..., status_code = 4* && status_code != 404, bytes]", False),
        ("[ip = 127.0.0.1, user, ...]", True),
        ("[ip = 10.*, ...]", False),
        ("[..., request=*.html*, status_code=4*,]", True),
        ("[ip, ...]", True),
        ("[ip]", False),
        ("[ip, ..., status = 500 || status = 404, size]", True),
        ("[..., size < 1000]", False),
    ],
)
def test_columns(pattern: str, expected: bool) -> None:
    assert fits(pattern, ACCESS) is expected


def test_columns_must_be_as_many_as_the_pattern_names() -> None:
    messages = ["ERROR WARN message", "ERROR message", "WARN message"]
    assert [one for one in messages if fits("[w1=ERROR, w2]", one)] == ["ERROR message"]
    assert [one for one in messages if fits("[w1=ERROR || w1=WARN, w2]", one)] == messages[1:]
    assert [one for one in messages if fits("[w1=!ERROR && w1=!WARN, w2]", one)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.a = 1",
        "{ $.a }",
        "{ }",
        "{ $.a = }",
        "{ a = 1 }",
        "{ $.a < x }",
        "{ $.a = %x }",
        "{ $.a > %x% }",
        "%a% %b% %c%",
        "%(a)%",
        "%a b%",
        "%[a%",
        "%%",
        "{ ($.a = 1 }",
        "{ $.a = 1) }",
        "{ $.a = 1 $.b = 2 }",
        "{ $.a = 1 && }",
        "{" + "(" * 200 + "$.a = 1" + ")" * 200 + "}",
        "[a, b",
        "[a = ]",
        "[..., ...]",
        "[a b]",
        "foo.bar",
        '"open',
        "-",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_filter_pattern(pattern)
    assert raised.value.noun == "parameter"


def test_no_pattern_is_slow_on_a_long_message() -> None:
    message = "a" * 1_000_000
    began = time.process_time()
    for pattern in ["{ $.a = *a* }", "[..., x = *aaab*]", " ".join(["a"] * 400), '"' + "a" * 900 + 'b"']:
        fits(pattern, message)
    for message in ("[ " * 500_000, '" ' * 500_001, "] [ " * 250_000, '[ " ' * 250_000):
        fits("[..., x = y]", message)
    assert time.process_time() - began < 3
