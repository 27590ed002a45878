"""Which tags stay with their image, and how patterns fit."""

import pytest

from bastide.model.registry.host_name import parse_registry_host, render_registry_host
from bastide.model.registry.tag_rules import is_immutable, is_tag, matches


@pytest.mark.parametrize(
    ("mutability", "filters", "tag", "expected"),
    [
        ("MUTABLE", [], "v1", False),
        ("IMMUTABLE", [], "v1", True),
        ("IMMUTABLE_WITH_EXCLUSION", ["dev-*"], "dev-1", False),
        ("IMMUTABLE_WITH_EXCLUSION", ["dev-*"], "v1", True),
        ("MUTABLE_WITH_EXCLUSION", ["v*", "release"], "v1", True),
        ("MUTABLE_WITH_EXCLUSION", ["v*", "release"], "latest", False),
    ],
)
def test_filters_turn_the_repositorys_rule_around(
    mutability: str, filters: list[str], tag: str, expected: bool
) -> None:
    repository = {
        "imageTagMutability": mutability,
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": one} for one in filters],
    }
    assert is_immutable(repository, tag) is expected


@pytest.mark.parametrize(
    ("pattern", "tag", "expected"),
    [
        ("*", "anything", True),
        ("v*", "v", True),
        ("*-rc*", "v1-rc2", True),
        ("v1", "v10", False),
        ("v.*", "vxy", False),
        ("a**b", "ab", True),
    ],
)
def test_a_star_stands_for_anything_and_nothing_else_does(pattern: str, tag: str, expected: bool) -> None:
    assert matches(pattern, tag) is expected


def test_tags_are_spelled_as_the_distribution_spec_says() -> None:
    assert all(is_tag(tag) for tag in ("v1", "_x", "1.0-rc.1", "a" * 128))
    assert not any(is_tag(tag) for tag in ("", ".x", "-x", "a b", "a" * 129, "a/b", "a:b"))


def test_a_registrys_name_is_taken_apart_as_it_was_put_together() -> None:
    host = render_registry_host("123456789012", "eu-central-1", "localhost", 4566)
    assert host == "123456789012.dkr.ecr.eu-central-1.localhost:4566"
    assert parse_registry_host(host, "localhost") == ("123456789012", "eu-central-1")
    assert parse_registry_host("127.0.0.1:4566", "localhost") is None
    assert parse_registry_host(host, "example.com") is None
    assert render_registry_host("123456789012", "eu-central-1", "example.com", 443).endswith("example.com")
