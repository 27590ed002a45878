"""docs/compat.md says what the code does: a row for every operation, none for others, tests that exist."""

import re

import pytest
from compat import DOCUMENT, STATES, TITLES, read_notes, rendered

from bastide.api.registry import SERVICES
from bastide.wire import spec
from tests.style.checkout import ROOT

NOTES = read_notes()
EVERYTHING = [(service, operation) for service in sorted(SERVICES) for operation in sorted(SERVICES[service])]
ROW = re.compile(r"^\| (\w+) \| ([^|]+) \|", re.MULTILINE)


def test_the_document_is_what_the_tool_writes() -> None:
    assert DOCUMENT.read_text() == rendered(), "run .venv/bin/python tools/compat.py"


def test_every_service_is_in_the_document() -> None:
    assert set(TITLES) == set(SERVICES)


def test_every_operation_of_every_model_has_one_row() -> None:
    text = DOCUMENT.read_text()
    for service, title in TITLES.items():
        part = re.split(r"^## ", text.split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]
        states = [(name, state) for name, state in ROW.findall(part) if name != "Operation"]
        assert sorted(name for name, _ in states) == sorted(spec.operations(service))
        assert {name for name, state in states if state != "no"} == set(SERVICES[service])


def test_nothing_exists_that_aws_has_not() -> None:
    unknown = [(service, name) for service, name in EVERYTHING if name not in spec.operations(service)]
    assert not unknown


def test_there_is_a_note_for_what_exists_and_for_nothing_else() -> None:
    noted = [(service, operation) for service in sorted(NOTES) for operation in sorted(NOTES[service])]
    assert noted == EVERYTHING


@pytest.mark.parametrize(("service", "operation"), EVERYTHING)
def test_a_note_says_what_is_missing_and_names_a_test(service: str, operation: str) -> None:
    note = NOTES[service][operation]
    assert set(note) <= {"state", "lacks", "test"}
    assert note["state"] in STATES
    assert note["state"] == "done" or note["lacks"]
    text = (ROOT / note["test"]).read_text()
    in_snake_case = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).lower()
    assert any(name in text for name in (operation, in_snake_case, in_snake_case.replace("_", "-")))
