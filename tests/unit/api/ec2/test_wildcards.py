"""Wildcards of filter values, held to Python's own fnmatch and to a bound on time."""

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.api.ec2.wildcards import matches_wildcards

LETTERS = "ab*?"


@given(st.text(LETTERS, max_size=8), st.text("ab", max_size=10))
def test_star_and_question_mark_mean_what_they_mean_to_a_shell(pattern: str, text: str) -> None:
    assert matches_wildcards(pattern, text) == fnmatch.fnmatchcase(text, pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"\*", "*", True),
        (r"\*", "a", False),
        (r"a\?b", "a?b", True),
        (r"a\?b", "axb", False),
        ("a\\", "a\\", True),
        (r"\\*", "\\x", True),
        ("[ab]", "a", False),
    ],
)
def test_a_backslash_takes_the_meaning_away(pattern: str, text: str, expected: bool) -> None:
    assert matches_wildcards(pattern, text) is expected


def test_no_pattern_is_slow() -> None:
    began = time.process_time()
    assert not matches_wildcards("*a" * 120 + "b", "a" * 2000)
    assert time.process_time() - began < 1
