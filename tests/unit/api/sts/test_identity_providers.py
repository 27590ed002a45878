"""Calls that AWS takes unsigned, by boto3: no identity provider is known here."""

import asyncio
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from bastide.config import Settings
from bastide.store import Store
from tests.unit.api.authorization.world import ACCOUNT, ROLE
from tests.unit.api.serving import KEY, serving

SESSION = {"RoleArn": f"{ROLE}/deploy", "RoleSessionName": "ci"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ASKED = {"Version": "2011-06-15"}
SAML = {
    "RoleArn": f"{ROLE}/deploy",
    "PrincipalArn": f"arn:aws:iam::{ACCOUNT}:saml-provider/idp",
    "SAMLAssertion": "PHNhbWw+",
}
CALLS = (
    ("assume_role_with_web_identity", {**SESSION, "WebIdentityToken": "a.b.c"}, "No OpenIDConnect provider"),
    ("assume_role_with_saml", SAML, "Specified provider doesn't exist"),
)


@pytest.mark.parametrize(("operation", "params", "told"), CALLS)
async def test_no_provider_is_known(
    store: Store, tmp_path: Path, operation: str, params: dict[str, str], told: str
) -> None:
    def ask(client: Any) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(**params)
        error = caught.value.response["Error"]
        assert error["Code"] == "InvalidIdentityToken"
        assert error["Message"].startswith(told)
        assert "docs/permissions.md" in error["Message"]
        client.close()

    async with serving(store, Settings(account=ACCOUNT, data_root=tmp_path)) as served:
        unsigned = boto3.client(
            "sts",
            endpoint_url=served.url,
            region_name="us-east-1",
            config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
        )
        await asyncio.to_thread(ask, unsigned)
        await asyncio.to_thread(ask, served.client("sts"))


async def test_a_signature_changes_nothing(store: Store, tmp_path: Path) -> None:
    form = {**SESSION, "WebIdentityToken": "a.b.c", **ASKED, "Action": "AssumeRoleWithWebIdentity"}
    async with serving(store, Settings(account=ACCOUNT, data_root=tmp_path)) as served:
        request = AWSRequest("POST", served.url, data=form, headers=FORM)
        SigV4Auth(Credentials(KEY.access_key_id, KEY.secret_access_key), "sts", "us-east-1").add_auth(request)
        headers = dict(request.headers.items())
        async with httpx.AsyncClient() as client:
            answer = await client.post(served.url, content=request.prepare().body, headers=headers)
    assert answer.status_code == 400
    assert "<Code>InvalidIdentityToken</Code>" in answer.text


@pytest.mark.parametrize("action", ["AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity", "None"])
async def test_nothing_else_is_answered_unsigned(store: Store, tmp_path: Path, action: str) -> None:
    settings = Settings(account=ACCOUNT, data_root=tmp_path)
    async with serving(store, settings) as served, httpx.AsyncClient() as client:
        answer = await client.post(served.url, data=ASKED | {"Action": action})
    assert answer.status_code == 403
    assert "<Code>MissingAuthenticationToken</Code>" in answer.text
