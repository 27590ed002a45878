"""Which Go and which containerd are new enough."""

import pytest
from installing.golang import parse_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.26.8", (1, 26, 8)),
        ("1.27rc1", (1, 27)),
        ("1.6.20~ds1", (1, 6, 20)),
        ("2.4.2+unknown", (2, 4, 2)),
        ("devel", ()),
    ],
)
def test_a_version_is_read_to_its_first_word(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_versions_compare_as_numbers() -> None:
    assert parse_version("1.9.9") < parse_version("1.26") < parse_version("1.26.8")
