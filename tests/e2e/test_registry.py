"""A team's images: built, logged in for, pushed, kept apart by immutable tags, expired by a policy."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import PROGRAMS, Installation, until

pytestmark = pytest.mark.real

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


class Team:
    """Somebody with a shell, buildah, skopeo and the aws program, who trusts the installation's authority."""

    def __init__(self, bastide: Installation, folder: Path) -> None:
        self.bastide = bastide
        self.folder = folder
        self.uri = ""
        (folder / "certs").mkdir()
        (folder / "certs" / "ca.crt").write_text(bastide.bastide("ca", "print"))

    def create_repository(self, *arguments: str) -> None:
        """`aws ecr create-repository`, and the line that `bastide up` prints where the name is unknown."""
        made = self.bastide.aws("ecr", "create-repository", "--repository-name", "team/app", *arguments)
        self.uri = str(made["repository"]["repositoryUri"])
        host = self.uri.partition(":")[0]
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost {host}\n")

    def run(self, *argv: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """A program that sees our /etc/hosts in place of the machine's."""
        hosts = self.folder / "hosts"
        script = f'mount --bind {hosts} /etc/hosts && exec "$@"'
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", *argv],
            env=self.bastide.environment | {"HOME": str(self.folder), "TMPDIR": str(self.folder)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert not check or done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
        return done

    def log_in(self) -> None:
        """aws ecr get-login-password | buildah login …"""
        password = self.run(str(PROGRAMS / "aws"), "ecr", "get-login-password").stdout.strip()
        registry = self.uri.partition("/")[0]
        for program in ("buildah", "skopeo"):
            argv = (program, "login", "--username", "AWS", "--password-stdin", "--cert-dir", self.certs)
            said = self.run(*argv, registry, stdin=password)
            assert "Login Succeeded" in said.stdout

    @property
    def certs(self) -> str:
        return str(self.folder / "certs")

    def build(self, tag: str) -> None:
        """An image of nothing but busybox and the build's name."""
        shutil.copy("/bin/busybox", self.folder / "busybox")
        (self.folder / "build").write_text(tag)
        (self.folder / "Dockerfile").write_text(
            'FROM scratch\nCOPY busybox /bin/sh\nCOPY build /build\nCMD ["/bin/sh", "-c", "cat /build"]\n'
        )
        self.buildah("bud", "--isolation", "chroot", "--tag", f"{self.uri}:{tag}", str(self.folder))

    def push(self, source: str, tag: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.buildah(
            "push",
            "--cert-dir",
            self.certs,
            f"{self.uri}:{source}",
            f"docker://{self.uri}:{tag}",
            check=check,
        )

    def buildah(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        root = ("--root", str(self.folder / "storage"), "--runroot", str(self.folder / "run"))
        return self.run("buildah", "--storage-driver", "vfs", *root, *argv, check=check)

    def tags(self) -> list[str]:
        ids = self.bastide.aws("ecr", "list-images", "--repository-name", "team/app")["imageIds"]
        return sorted(one["imageTag"] for one in ids if "imageTag" in one)


@pytest.fixture
def team(bastide: Installation, tmp_path: Path) -> Iterator[Team]:
    made = Team(bastide, tmp_path)
    yield made
    bastide.aws("ecr", "delete-repository", "--repository-name", "team/app", "--force")


def test_a_teams_builds_are_pushed_kept_and_expired(bastide: Installation, team: Team) -> None:
    team.create_repository("--image-tag-mutability", "IMMUTABLE")
    team.log_in()
    for number in ("1", "2"):
        team.build(f"build-{number}")
        team.push(f"build-{number}", f"build-{number}")
    refused = team.push("build-2", "build-1", check=False)
    assert refused.returncode != 0
    assert "cannot be overwritten because the tag is immutable" in refused.stderr

    shown = team.run("skopeo", "inspect", "--cert-dir", team.certs, f"docker://{team.uri}:build-1")
    assert json.loads(shown.stdout)["RepoTags"] == ["build-1", "build-2"]
    copied = team.folder / "copied"
    argv = ("skopeo", "copy", "--src-cert-dir", team.certs, f"docker://{team.uri}:build-1", f"dir:{copied}")
    team.run(*argv)
    assert (copied / "manifest.json").exists()
    (image,) = bastide.aws(
        *("ecr", "describe-images", "--repository-name", "team/app", "--image-ids", "imageTag=build-1")
    )["imageDetails"]
    assert image["lastRecordedPullTime"] >= image["imagePushedAt"]
    assert image["imageSizeInBytes"] > 100_000

    named = ("--repository-name", "team/app", "--lifecycle-policy-text", json.dumps(POLICY))
    bastide.aws("ecr", "put-lifecycle-policy", *named)
    team.build("build-3")
    team.push("build-3", "build-3")
    until(lambda: team.tags() == ["build-2", "build-3"])
