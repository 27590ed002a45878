"""Tasks run from images of a registry as on Fargate: asked for each time, or told why not in ECS's words."""

import json
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator

import pytest

from tests.docker_registry import PASSWORD, USERNAME, DockerRegistry, docker_registry
from tests.installation import CommandError, Installation, shell

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def registry() -> Iterator[DockerRegistry]:
    """Debian's registry on loopback."""
    with docker_registry() as running:
        yield running


@pytest.fixture(scope="module")
def image(bastide: Installation, registry: DockerRegistry) -> tuple[str, str]:
    """The demo image's name in the registry, and its digest."""
    digest = registry.push_archive(bastide.demo_archive(), "team/app", tag="1")
    return f"{registry.authority}/team/app:1", digest


def test_a_task_runs_from_a_registry(bastide: Installation, image: tuple[str, str]) -> None:
    name, digest = image
    began = time.time()
    arn = bastide.register(
        "pulled", shell("app", "echo hello from afar; sleep 1000", image=name, stopTimeout=2)
    )
    task = bastide.run_task(arn)[0]
    described = bastide.wait(task, "RUNNING")
    container = described["containers"][0]
    assert (container["image"], container["imageDigest"]) == (name, digest)
    pull = [described[each].timestamp() for each in ("pullStartedAt", "pullStoppedAt", "startedAt")]
    assert began - 1 < pull[0] < pull[1] <= pull[2]
    bastide.stop(task)
    assert f"{name} " in bastide.bastide("image", "list")


def test_a_tag_is_asked_for_each_time_and_a_digest_is_enough_without_the_registry(
    bastide: Installation, image: tuple[str, str]
) -> None:
    with docker_registry() as registry:
        archive = bastide.demo_archive()
        digest = registry.push_archive(archive, "app", tag="moved")
        name = f"{registry.authority}/app"
        said = bastide.bastide("pull", f"{name}:moved")
        assert digest in said
    pinned = bastide.register("pinned", shell("app", "sleep 1000", image=f"{name}@{digest}", stopTimeout=2))
    tagged = bastide.register("tagged", shell("app", "sleep 1000", image=f"{name}:moved"))
    with_digest, with_tag = bastide.run_task(pinned)[0], bastide.run_task(tagged)[0]
    bastide.wait(with_digest, "RUNNING")
    stopped = bastide.wait(with_tag, "STOPPED")
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith(
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): "
        f"failed to resolve ref {name}:moved: "
    )
    assert "connection refused" in stopped["stoppedReason"]
    bastide.stop(with_digest)
    bastide.bastide("image", "remove", f"{name}:moved")
    with pytest.raises(CommandError, match="There is no image"):
        bastide.bastide("image", "remove", f"{name}:moved")


def test_what_the_registry_does_not_have_is_told_in_ecs_words(
    bastide: Installation, image: tuple[str, str]
) -> None:
    missing = image[0].rpartition(":")[0] + ":none"
    arn = bastide.register("no-image", shell("app", "true", image=missing))
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    resolving = f"failed to resolve ref {missing}: {missing}: not found"
    why = f"pull image manifest has been retried 1 time(s): {resolving}"
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"] == f"CannotPullContainerError: {why}"
    assert stopped["containers"][0]["reason"] == stopped["stoppedReason"]
    assert "exitCode" not in stopped["containers"][0]
    with pytest.raises(CommandError, match="not found"):
        bastide.bastide("pull", missing)


def test_repository_credentials_come_from_secrets_manager(
    bastide: Installation, image: tuple[str, str], registry: DockerRegistry
) -> None:
    with docker_registry(private=True) as private:
        private.push_archive(bastide.demo_archive(), "team/app", tag="1")
        name = f"{private.authority}/team/app:1"
        value = json.dumps({"username": USERNAME, "password": PASSWORD})
        secret = bastide.aws(
            "secretsmanager", "create-secret", "--name", "registry-login", "--secret-string", value
        )["ARN"]
        credentials = {"credentialsParameter": secret}
        container = shell("app", "sleep 1000", image=name, stopTimeout=2)
        with_them = bastide.register("private", container | {"repositoryCredentials": credentials})
        without = bastide.register("not-let-in", container)
        task, refused = bastide.run_task(with_them)[0], bastide.run_task(without)[0]
        bastide.wait(task, "RUNNING")
        stopped = bastide.wait(refused, "STOPPED")
        bastide.stop(task)
    assert stopped["stoppedReason"].startswith("CannotPullContainerError: pull image manifest has been")
    assert (
        "pull access denied, repository does not exist or may require authorization"
        in stopped["stoppedReason"]
    )
    assert "no basic auth credentials" in stopped["stoppedReason"]
    logs = bastide.folder / "data" / bastide.instance / "log"
    assert not any(PASSWORD in path.read_text() for path in logs.glob("*.log"))


def test_our_own_ecr_needs_no_setting(bastide: Installation) -> None:
    repository = bastide.aws("ecr", "create-repository", "--repository-name", "team/own")["repository"]
    name = repository["repositoryUri"]
    token = bastide.aws("ecr", "get-authorization-token")["authorizationData"][0]["authorizationToken"]
    here = f"docker://127.0.0.1:{bastide.environment['BASTIDE_PORT']}/team/own:1"
    copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--dest-creds", b64decode(token).decode()]
    subprocess.run([*copy, f"oci-archive:{bastide.demo_archive()}", here], check=True)
    (image,) = bastide.aws("ecr", "describe-images", "--repository-name", "team/own")["imageDetails"]
    container = shell("app", "sleep 1000", image=f"{name}:1", stopTimeout=2)
    began = time.time()
    task = bastide.run_task(bastide.register("own-ecr", container))[0]
    described = bastide.wait(task, "RUNNING")
    assert described["containers"][0]["imageDigest"] == image["imageDigest"]
    pull = [described[each].timestamp() for each in ("pullStartedAt", "pullStoppedAt", "startedAt")]
    assert began - 1 < pull[0] < pull[1] <= pull[2]
    bastide.stop(task)
    assert f"is here: {image['imageDigest']}" in bastide.bastide("pull", f"{name}:1")
    missing = shell("app", "true", image=f"{name}:none")
    stopped = bastide.wait(bastide.run_task(bastide.register("own-none", missing))[0], "STOPPED")
    assert stopped["stoppedReason"].endswith(f"failed to resolve ref {name}:none: {name}:none: not found")
