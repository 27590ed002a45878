"""What is done otherwise than by the API leaves records too: docker's calls, and commands on the host."""

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from bastide.api.audit.identities import owner, user_name
from bastide.cli.operator.told import tell_audit_log
from bastide.config import Settings
from bastide.store import Store
from bastide.store.audit.reading import Selection, read_back
from tests.unit.api.serving import Served, serving

ACCOUNT = "111122223333"


async def records(served: Served, folder: Path, count: int) -> list[dict[str, Any]]:
    await served.trail.flush()
    found, _ = read_back(folder, Selection(), limit=count)
    return [json.loads(one.line) for one in found]


async def test_a_push_and_a_pull_are_told_and_who_is_refused(store: Store, tmp_path: Path) -> None:
    settings = Settings(account=ACCOUNT, data_root=tmp_path)
    async with serving(store, settings) as served:
        token = await _token(served)
        async with httpx.AsyncClient(base_url=served.url) as client:
            assert (await client.get("/v2/", auth=("AWS", "wrong"))).status_code == 401
            assert (await client.get("/v2/", auth=("AWS", token))).status_code == 200
            begun = await client.post("/v2/app/blobs/uploads/", auth=("AWS", token))
            digest = f"sha256:{hashlib.sha256(b'layer').hexdigest()}"
            await client.put(
                begun.headers["location"], params={"digest": digest}, content=b"layer", auth=("AWS", token)
            )
            await client.get("/v2/app/manifests/none", auth=("AWS", token))
        told = await records(served, settings.audit_folder, 5)
    assert [each["eventName"] for each in told] == [
        "BatchGetImage",
        "CompleteLayerUpload",
        "InitiateLayerUpload",
        "CheckAuthorization",
        "CheckAuthorization",
    ]
    assert {each["eventSource"] for each in told} == {"ecr.amazonaws.com"}
    assert [each.get("errorCode") for each in told] == ["MANIFEST_UNKNOWN", None, None, None, "UNAUTHORIZED"]
    assert [each["userIdentity"]["type"] for each in told] == ["Root"] * 4 + ["Unknown"]
    assert told[0]["requestParameters"] == {"method": "GET", "repositoryName": "app", "reference": "none"}
    assert told[1]["resources"][0]["ARN"] == f"arn:aws:ecr:eu-test-1:{ACCOUNT}:repository/app"
    assert [each["readOnly"] for each in told] == [True, False, False, True, True]
    assert {each["sourceIPAddress"] for each in told} == {"127.0.0.1"}
    assert token not in json.dumps(told)


async def _token(served: Served) -> str:
    ecr = served.client("ecr")
    await asyncio.to_thread(ecr.create_repository, repositoryName="app")
    answer = await asyncio.to_thread(ecr.get_authorization_token)
    return base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode().partition(":")[2]


async def test_without_its_log_nothing_is_pushed_and_all_is_pulled(store: Store, tmp_path: Path) -> None:
    settings = Settings(account=ACCOUNT, data_root=tmp_path)
    async with serving(store, settings) as served:
        token = await _token(served)
        settings.audit_folder.rename(tmp_path / "aside")
        settings.audit_folder.write_text("in the way")
        await served.trail.flush()
        async with httpx.AsyncClient(base_url=served.url, auth=("AWS", token)) as client:
            refused = await client.post("/v2/app/blobs/uploads/")
            assert refused.status_code == 503
            assert "audit log cannot be written" in refused.text
            assert (await client.get("/v2/app/tags/list")).status_code == 200
        settings.audit_folder.unlink()
        (tmp_path / "aside").rename(settings.audit_folder)
        async with httpx.AsyncClient(base_url=served.url, auth=("AWS", token)) as client:
            assert (await client.post("/v2/app/blobs/uploads/")).status_code == 202


def test_a_command_on_the_host_says_who_typed_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_root=tmp_path)
    tell_audit_log(settings, "ResetAdminKey")  # nowhere to
    settings.audit_folder.mkdir(parents=True)
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_USER", "ann")
    tell_audit_log(settings, "ResetAdminKey", accessKeyId="AKIA0")
    [found], _ = read_back(settings.audit_folder, Selection(), limit=2)
    assert found.record.identity == {"type": "HostOperator", "principalId": "uid:1000", "userName": "ann"}
    assert (found.record.source, found.record.name) == ("operator.bastide", "ResetAdminKey")
    assert found.record.parameters == {"accessKeyId": "AKIA0"}
    assert user_name(found.record.identity) == "ann"


def test_an_owner_is_known_by_the_arn() -> None:
    assert owner("arn:aws:iam::1:user/path/ann")["userName"] == "ann"
    assert owner("arn:aws:iam::1:root")["type"] == "Root"
    assert user_name(owner("arn:aws:sts::1:assumed-role/ci/build")) == "build"
