"""Which paths mean something, and what a container is told of them."""

import pytest

from bastide.plan.metadata.routes import Route, Wanted, parse_route, plan_addresses

ID = "0123456789abcdef0123456789abcdef-0000000301"


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize(
    ("suffix", "wanted"),
    [
        ("", Wanted.CONTAINER),
        ("/", Wanted.CONTAINER),
        ("/task", Wanted.TASK),
        ("/task?x=1", Wanted.TASK),
        ("/taskWithTags", Wanted.TASK_WITH_TAGS),
        ("/stats", Wanted.STATS),
        ("/task/stats", Wanted.TASK_STATS),
    ],
)
def test_a_path_asks_for_something(version: int, suffix: str, wanted: Wanted) -> None:
    assert parse_route(f"/v{version}/{ID}{suffix}") == Route(wanted=wanted, id=ID, version=version)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "/v4",
        "/v4/",
        "/v5/x",
        "/v4/x/y",
        "/v4/../task",
        "/v4//task",
        "/v2/metadata",
        "*",
        "http://x/v4/y",
        "/v4/x%2ftask",
    ],
)
def test_other_paths_mean_nothing(target: str) -> None:
    assert parse_route(target) is None


def test_a_container_is_told_where_to_ask() -> None:
    assert plan_addresses(ID, "") == {
        "ECS_CONTAINER_METADATA_URI": f"http://169.254.170.2/v3/{ID}",
        "ECS_CONTAINER_METADATA_URI_V4": f"http://169.254.170.2/v4/{ID}",
        "ECS_AGENT_URI": f"http://169.254.170.2/api/{ID}",
    }


def test_with_a_role_it_is_told_where_credentials_are() -> None:
    told = plan_addresses(ID, "some-id")
    assert told["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] == "/v2/credentials/some-id"


def test_credentials_and_protection_have_paths_of_their_own() -> None:
    assert parse_route("/v2/credentials/some-id") == Route(wanted=Wanted.CREDENTIALS, id="some-id")
    assert parse_route("/v1/credentials?id=some-id") == Route(wanted=Wanted.CREDENTIALS, id="some-id")
    assert parse_route("/v1/credentials") == Route(wanted=Wanted.CREDENTIALS, id="")
    assert parse_route(f"/api/{ID}/task-protection/v1/state") == Route(wanted=Wanted.PROTECTION, id=ID)
    assert parse_route("/v2/credentials/") is None
    assert parse_route("/v2/credentials/some-id/more") is None
