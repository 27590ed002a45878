"""What /v2 lets users do with their tokens: as the policies say, asked on every request."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.unit.api.authorization.world import ACCOUNT, REGION, World, allow

REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository"
CI = f"arn:aws:iam::{ACCOUNT}:user/ci"
TOKEN = allow("ecr:GetAuthorizationToken")
PUSH = (
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:BatchCheckLayerAvailability",
    "ecr:PutImage",
)
CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
DIGEST = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": DIGEST,
            "size": len(CONFIG),
        },
        "layers": [],
    }
).encode()


@contextmanager
def docker(world: World, ecr: Any) -> Iterator[httpx.Client]:
    """A client of /v2 with the token that `docker login` would be given."""
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    _, _, password = base64.b64decode(token).decode().partition(":")
    with httpx.Client(base_url=f"{world.url}/v2", auth=("AWS", password), trust_env=False) as http:
        yield http


def push(http: httpx.Client, name: str) -> int:
    """Push a small image as `one`; the last status."""
    begun = http.post(f"/{name}/blobs/uploads/", params={"digest": DIGEST}, content=CONFIG)
    if begun.status_code != 201:
        return begun.status_code
    types = {"content-type": MANIFEST_TYPE}
    return http.put(f"/{name}/manifests/one", content=MANIFEST, headers=types).status_code


def denied(answer: httpx.Response) -> str:
    """Why it was."""
    assert answer.status_code == 403
    (error,) = answer.json()["errors"]
    assert error["code"] == "DENIED"
    return str(error["message"])


async def test_ci_pushes_one_repository_and_reads_none(world: World) -> None:
    await asyncio.to_thread(ci_pushes, world)


def ci_pushes(world: World) -> None:
    admin = world.admin("ecr")
    for name in ("team/app", "team/other"):
        admin.create_repository(repositoryName=name)
    keys = world.user("ci", allow(PUSH, f"{REPOSITORY}/team/app"))
    ecr = world.client("ecr", keys)
    with docker(world, admin) as root:
        assert push(root, "team/other") == 201
    world.permit("ci", TOKEN, allow(PUSH, f"{REPOSITORY}/team/app"))
    with docker(world, ecr) as http:
        assert http.get("/").status_code == 200
        assert push(http, "team/app") == 201
        assert denied(http.post("/team/other/blobs/uploads/")) == (
            f"User: {CI} is not authorized to perform: ecr:InitiateLayerUpload on resource: "
            f"{REPOSITORY}/team/other because no identity-based policy allows the "
            "ecr:InitiateLayerUpload action"
        )
        assert "ecr:PutImage" in denied(http.put("/team/other/manifests/one", content=MANIFEST))
        assert "ecr:BatchGetImage" in denied(http.get("/team/app/manifests/one"))
        assert "ecr:GetDownloadUrlForLayer" in denied(http.get(f"/team/app/blobs/{DIGEST}"))
        assert http.head(f"/team/app/blobs/{DIGEST}").status_code == 200
        assert "ecr:ListImages" in denied(http.get("/team/app/tags/list"))
        assert "ecr:BatchDeleteImage" in denied(http.delete("/team/app/manifests/one"))
        assert "ecr:DescribeRepositories" in denied(http.get("/_catalog"))
        world.permit("ci", TOKEN)  # the token is the same: what it may is asked anew
        assert "ecr:InitiateLayerUpload" in denied(http.post("/team/app/blobs/uploads/"))


async def test_a_token_counts_no_longer_than_the_key_that_asked_for_it(world: World) -> None:
    def attempt() -> None:
        world.admin("ecr").create_repository(repositoryName="app")
        keys = world.user("ci", allow("ecr:*"))
        named = {"UserName": "ci", "AccessKeyId": keys["aws_access_key_id"]}
        with docker(world, world.client("ecr", keys)) as http:
            assert push(http, "app") == 201
            world.iam.update_access_key(Status="Inactive", **named)
            refused = http.get("/app/manifests/one")
            assert (refused.status_code, refused.headers["www-authenticate"][:5]) == (401, "Basic")
            assert push(http, "app") == 401
            world.iam.update_access_key(Status="Active", **named)
            assert http.get("/app/manifests/one").status_code == 200
            world.iam.delete_access_key(**named)
            assert http.get("/").status_code == 401

    await asyncio.to_thread(attempt)


async def test_a_layer_one_may_not_read_is_not_mounted_either(world: World) -> None:
    await asyncio.to_thread(mounting, world)


def mounting(world: World) -> None:
    admin = world.admin("ecr")
    for name in ("team/app", "team/other"):
        admin.create_repository(repositoryName=name)
    with docker(world, admin) as root:
        push(root, "team/other")
    keys = world.user("ci", TOKEN, allow(PUSH, f"{REPOSITORY}/team/app"))
    with docker(world, world.client("ecr", keys)) as http:
        for source in ({"from": "team/other"}, {}):
            asked = http.post("/team/app/blobs/uploads/", params={"mount": DIGEST, **source})
            assert asked.status_code == 202  # an upload, as for a layer that is not there
        reading = allow("ecr:GetDownloadUrlForLayer", f"{REPOSITORY}/team/other")
        world.permit("ci", TOKEN, reading, allow(PUSH, f"{REPOSITORY}/team/app"))
        mount = {"mount": DIGEST, "from": "team/other"}
        assert http.post("/team/app/blobs/uploads/", params=mount).status_code == 201


async def test_a_repositorys_own_policy_lets_pull_and_forbids(world: World) -> None:
    await asyncio.to_thread(repository_policy, world)


def repository_policy(world: World) -> None:
    admin = world.admin("ecr")
    admin.create_repository(repositoryName="team/app")
    with docker(world, admin) as root:
        push(root, "team/app")
    keys = world.user("ci", TOKEN)
    with docker(world, world.client("ecr", keys)) as http:
        assert "ecr:BatchGetImage" in denied(http.get("/team/app/manifests/one"))
        statement = {"Effect": "Allow", "Principal": {"AWS": CI}, "Action": "ecr:BatchGetImage"}
        text = {"Version": "2012-10-17", "Statement": [statement]}
        admin.set_repository_policy(repositoryName="team/app", policyText=json.dumps(text))
        assert http.get("/team/app/manifests/one").content == MANIFEST
        world.permit("ci", TOKEN, allow("ecr:*"))
        text["Statement"] = [{**statement, "Effect": "Deny"}]
        admin.set_repository_policy(repositoryName="team/app", policyText=json.dumps(text))
        told = denied(http.get("/team/app/manifests/one"))
        assert told.endswith("with an explicit deny in a resource-based policy")


async def test_a_template_or_rule_makes_a_repository_only_for_who_may_make_it(world: World) -> None:
    await asyncio.to_thread(made_on_push, world)


def made_on_push(world: World) -> None:
    admin = world.admin("ecr")
    admin.create_repository_creation_template(prefix="new", appliedFor=["CREATE_ON_PUSH"])
    keys = world.user("ci", TOKEN, allow(PUSH, f"{REPOSITORY}/new/*"))
    with docker(world, world.client("ecr", keys)) as http:
        assert "ecr:CreateRepository" in denied(http.post("/new/app/blobs/uploads/"))
        world.permit("ci", TOKEN, allow([*PUSH, "ecr:CreateRepository"], f"{REPOSITORY}/new/*"))
        assert push(http, "new/app") == 201
