"""What an environment file means."""

import pytest

from bastide.api.task_environment.files import parse_environment_file
from bastide.model.faults import Invalid


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("", {}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2", {"A": "1", "B": "2"}),
        ("# A=1\n#B=2\nC=# no comment", {"C": "# no comment"}),
        ("A=x=y=z", {"A": "x=y=z"}),
        ('A="quoted"\nB= spaced ', {"A": '"quoted"', "B": " spaced "}),
        ("A=$HOME ${B} `c`", {"A": "$HOME ${B} `c`"}),
        ("nothing\n=nothing\nA=\nB=1", {"B": "1"}),
        ("A=1\nA=2", {"A": "2"}),
        ("Ä=ö", {"Ä": "ö"}),
        ("export A=1", {"export A": "1"}),
    ],
)
def test_every_line_is_taken_as_it_stands(text: str, variables: dict[str, str]) -> None:
    assert parse_environment_file(text.encode()) == variables


def test_what_is_no_utf_8_is_refused_without_being_shown() -> None:
    with pytest.raises(Invalid, match="not UTF-8") as caught:
        parse_environment_file(b"PASSWORD=\xff")
    assert "PASSWORD" not in str(caught.value)
