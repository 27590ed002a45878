"""A team's images: built, logged in for, pushed, run, kept apart by immutable tags, expired by a policy.

The whole story with each program that people push images with.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.registry.clients import Buildah, Client, Crane, Docker, Skopeo
from tests.e2e.registry.desk import Desk
from tests.installation import LOG_GROUP, Installation, shell, until

pytestmark = pytest.mark.real

REPOSITORY = "team/app"
POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "keep two builds",
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": ["build-"],
                "countType": "imageCountMoreThan",
                "countNumber": 2,
            },
            "action": {"type": "expire"},
        }
    ]
}


@pytest.fixture
def desk(bastide: Installation, tmp_path: Path) -> Iterator[Desk]:
    """With a repository whose tags are immutable."""
    bastide.aws(
        *("ecr", "create-repository", "--repository-name", REPOSITORY),
        *("--image-tag-mutability", "IMMUTABLE"),
    )
    yield Desk(bastide, tmp_path, REPOSITORY)
    bastide.client("ecr").delete_repository(repositoryName=REPOSITORY, force=True)


@pytest.fixture(params=[Buildah, Skopeo, Docker, Crane], ids=lambda kind: kind.__name__.lower())
def client(request: pytest.FixtureRequest, desk: Desk) -> Iterator[Client]:
    with request.param.at(desk) as ready:
        yield ready


def test_a_teams_builds_are_pushed_run_kept_and_expired(
    bastide: Installation, desk: Desk, client: Client
) -> None:
    assert "Login Succeeded" in client.log_in().stdout
    for build in ("build-1", "build-2"):
        client.build(build)
        client.push(build, build)
    app = shell("app", "", image=f"{desk.uri}:build-1", stopTimeout=2)
    del app["command"]
    task = bastide.run_task(bastide.register("built", app))[0]
    running = bastide.wait(task, "RUNNING")
    digest = running["containers"][0]["imageDigest"]

    refused = client.push("build-2", "build-1", check=False)
    assert refused.returncode != 0
    assert "cannot be overwritten because the tag is immutable" in refused.stdout + refused.stderr
    client.pull("build-1")
    image = image_of(bastide, "build-1")
    assert image["imageDigest"] == digest
    assert image["lastRecordedPullTime"] >= image["imagePushedAt"]
    assert image["imageSizeInBytes"] > 100_000

    text = json.dumps(POLICY)
    named = ("--repository-name", REPOSITORY, "--lifecycle-policy-text", text)
    bastide.aws("ecr", "put-lifecycle-policy", *named)
    client.build("build-3")
    client.push("build-3", "build-3")
    until(lambda: tags_of(bastide) == ["build-2", "build-3"])
    (kept,) = bastide.describe(task)
    assert (kept["lastStatus"], kept["containers"][0]["imageDigest"]) == ("RUNNING", digest)
    assert bastide.log_lines(f"t/app/{task.rpartition('/')[2]}", group=LOG_GROUP) == ["build-1"]
    bastide.stop(task)


def image_of(bastide: Installation, tag: str) -> dict[str, Any]:
    """DescribeImages of one tag."""
    ids = [{"imageTag": tag}]
    answer = bastide.client("ecr").describe_images(repositoryName=REPOSITORY, imageIds=ids)
    return dict(answer["imageDetails"][0])


def tags_of(bastide: Installation) -> list[str]:
    """ListImages' tags."""
    ids = bastide.client("ecr").list_images(repositoryName=REPOSITORY)["imageIds"]
    return sorted(one["imageTag"] for one in ids if "imageTag" in one)
