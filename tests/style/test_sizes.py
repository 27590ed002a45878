"""Files, functions and folders stay small enough to be read at one sitting (generated code excepted)."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.style.checkout import ROOT, named, python_files

FILE_LINES = 500
FUNCTION_LINES = 60
FOLDER_FILES = 12


@pytest.mark.parametrize("path", python_files(), ids=named)
def test_a_file_and_its_functions_are_small(path: Path) -> None:
    text = path.read_text()
    lines = len(text.splitlines())
    assert lines <= FILE_LINES, f"{lines} lines: split it by noun"
    long = [f"{name} ({size} lines)" for name, size in functions(text) if size > FUNCTION_LINES]
    assert not long, f"functions past {FUNCTION_LINES} lines: {', '.join(long)}"


def test_a_folder_holds_at_most_a_dozen_files() -> None:
    held = Counter(path.parent for path in python_files() if path.name != "__init__.py")
    full = {
        named(folder): count
        for folder, count in held.items()
        if count > FOLDER_FILES and folder.is_relative_to(ROOT / "src")
    }
    assert not full, f"split by noun: {full}"


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Every function's name and how many lines it has, decorators left out."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_a_long_function_is_seen() -> None:
    text = "def f():\n" + "    x = 1\n" * FUNCTION_LINES
    assert list(functions(text)) == [("f", FUNCTION_LINES + 1)]
