"""Every call leaves a record: who, from where, what, on what, and how it was answered. Over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from bastide.api.audit import is_read_only
from bastide.api.audit.resources import RESOURCES_MAX, resources_in
from bastide.api.keys.admin import AdminKey
from bastide.api.operation import Reads, Writes
from bastide.api.registry import SERVICES
from bastide.config import Settings
from bastide.store import Store
from bastide.store.audit.reading import Selection, read_back
from bastide.wire.codec.redaction import HIDDEN
from tests.unit.api.serving import KEY, Served, serving

ACCOUNT = "111122223333"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"},
}
MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"},
}


class Audited:
    """A running API and what it wrote down."""

    def __init__(self, served: Served, folder: Path) -> None:
        self.served = served
        self._folder = folder

    async def call(self, service: str, operation: str, *, key: AdminKey = KEY, **params: Any) -> Any:
        """The answer; None where it is an error."""
        client = self.served.client(service, key=key)
        try:
            return await asyncio.to_thread(getattr(client, operation), **params)
        except ClientError:
            return None

    async def records(self, count: int = 1) -> list[dict[str, Any]]:
        """The last records, the newest first, as their lines are."""
        await self.served.trail.flush()
        found, _ = read_back(self._folder, Selection(), limit=count)
        return [json.loads(one.line) for one in found]


@pytest.fixture
async def audited(store: Store, tmp_path: Path) -> AsyncIterator[Audited]:
    settings = Settings(account=ACCOUNT, data_root=tmp_path)
    async with serving(store, settings) as running:
        yield Audited(running, settings.audit_folder)


async def test_a_call_that_went_well(audited: Audited) -> None:
    made = await audited.call("ecs", "create_cluster", clusterName="web")
    [record] = await audited.records()
    assert record["userIdentity"] == {
        "type": "Root",
        "principalId": ACCOUNT,
        "arn": ROOT,
        "accountId": ACCOUNT,
        "accessKeyId": KEY.access_key_id,
    }
    arn = made["cluster"]["clusterArn"]
    assert record["eventTime"].endswith("Z")
    assert (record["eventSource"], record["eventName"]) == ("ecs.amazonaws.com", "CreateCluster")
    assert (record["awsRegion"], record["sourceIPAddress"]) == ("eu-test-1", "127.0.0.1")
    assert "Botocore" in record["userAgent"]
    assert record["requestParameters"] == {"clusterName": "web"}
    assert record["responseElements"]["cluster"]["clusterArn"] == arn
    assert record["requestID"] == made["ResponseMetadata"]["RequestId"]
    assert {"accountId": ACCOUNT, "type": "AWS::ECS::Cluster", "ARN": arn} in record["resources"]
    assert (record["readOnly"], record["managementEvent"]) == (False, True)
    assert "errorCode" not in record


async def test_a_read_is_recorded_without_its_answer(audited: Audited) -> None:
    await audited.call("ecs", "list_clusters")
    [record] = await audited.records()
    assert (record["eventName"], record["readOnly"], record["responseElements"]) == (
        "ListClusters",
        True,
        None,
    )


async def test_a_failed_call_has_its_code(audited: Audited) -> None:
    await audited.call("ecs", "delete_cluster", cluster="none")
    [record] = await audited.records()
    assert record["errorCode"] == "ClusterNotFoundException"
    assert record["errorMessage"] == "Cluster not found."
    assert record["userIdentity"]["type"] == "Root"
    assert record["resources"] == [{"type": "AWS::ECS::Cluster", "resourceName": "none"}]


async def test_a_denied_call_a_user_and_a_session(audited: Audited) -> None:
    await audited.call("iam", "create_user", UserName="alice")
    await audited.call("iam", "create_role", RoleName="ci", AssumeRolePolicyDocument=json.dumps(TRUST))
    await audited.call(
        "iam",
        "put_user_policy",
        UserName="alice",
        PolicyName="p",
        PolicyDocument=json.dumps(MAY_ASSUME),
    )
    made = (await audited.call("iam", "create_access_key", UserName="alice"))["AccessKey"]
    [record] = await audited.records()
    assert record["responseElements"]["accessKey"]["secretAccessKey"] == HIDDEN
    assert {"type": "AWS::IAM::User", "resourceName": "alice"} in record["resources"]
    alice = AdminKey(made["AccessKeyId"], made["SecretAccessKey"])
    assert await audited.call("ecs", "list_clusters", key=alice) is None
    [record] = await audited.records()
    assert record["errorCode"] == "AccessDeniedException"
    assert record["userIdentity"]["type"] == "IAMUser"
    assert record["userIdentity"]["userName"] == "alice"
    role = f"arn:aws:iam::{ACCOUNT}:role/ci"
    assumed = await audited.call("sts", "assume_role", key=alice, RoleArn=role, RoleSessionName="build-7")
    keys = assumed["Credentials"]
    [record] = await audited.records()
    assert record["resources"] == [{"accountId": ACCOUNT, "type": "AWS::IAM::Role", "ARN": role}]
    client = audited.served.client("ecs", key=AdminKey(keys["AccessKeyId"], keys["SecretAccessKey"]))
    client._request_signer._credentials.token = keys["SessionToken"]
    with pytest.raises(ClientError):
        await asyncio.to_thread(client.list_clusters)
    [record] = await audited.records()
    identity = record["userIdentity"]
    assert (identity["type"], identity["accessKeyId"]) == ("AssumedRole", keys["AccessKeyId"])
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == role
    whole = "".join(json.dumps(each) for each in await audited.records(50))
    for secret in (made["SecretAccessKey"], keys["SecretAccessKey"], keys["SessionToken"]):
        assert secret not in whole


async def test_bad_signatures_and_none_at_all(audited: Audited) -> None:
    await audited.call("ecs", "create_cluster", key=AdminKey(KEY.access_key_id, "x" * 40), clusterName="w")
    [record] = await audited.records()
    assert record["eventName"] == "CreateCluster"
    assert record["errorCode"] == "InvalidSignatureException"
    assert record["userIdentity"] == {
        "type": "Unknown",
        "principalId": "",
        "accessKeyId": KEY.access_key_id,
    }
    assert record["requestParameters"] is None
    async with httpx.AsyncClient() as client:
        await client.post(audited.served.url, data={"Action": "ListUsers", "Version": "2010-05-08"})
        await client.get(audited.served.url)
    [last, record] = await audited.records(2)
    assert (record["eventSource"], record["eventName"]) == ("iam.amazonaws.com", "ListUsers")
    assert record["errorCode"] == "MissingAuthenticationToken"
    assert last["eventName"] == "Unknown"
    secret_as_key = AdminKey("wJalrXUtnFEMI/secret", "x" * 40)
    await audited.call("ecs", "list_clusters", key=secret_as_key)
    [record] = await audited.records()
    assert "secret" not in json.dumps(record["userIdentity"])


async def test_parameters_are_recorded_without_what_is_secret(audited: Audited) -> None:
    secret = "planted-in-parameters"
    await audited.call("secretsmanager", "create_secret", Name="db", SecretString=secret)
    await audited.call("ssm", "put_parameter", Name="/p", Value=secret, Type="SecureString")
    await audited.call("logs", "create_log_group", logGroupName="g")
    await audited.call("logs", "create_log_stream", logGroupName="g", logStreamName="s")
    await audited.call(
        "logs",
        "put_log_events",
        logGroupName="g",
        logStreamName="s",
        logEvents=[{"timestamp": 1, "message": secret}],
    )
    records = await audited.records(5)
    assert secret not in json.dumps(records)
    assert records[0]["eventCategory"] == "Data"
    assert records[4]["requestParameters"]["secretString"] == HIDDEN
    assert records[4]["requestParameters"]["name"] == "db"


async def test_a_value_that_is_refused_is_not_told_in_the_error_either(audited: Audited) -> None:
    secret = "planted-and-refused"
    client = audited.served.client("secretsmanager", validates=False)
    for value in (secret + "x" * 70_000, {"a": secret}, [secret]):
        with pytest.raises(ClientError):
            await asyncio.to_thread(client.create_secret, Name="db", SecretString=value)
    assert secret not in json.dumps(await audited.records(3))


async def test_without_its_log_nothing_is_changed_and_all_is_read(
    audited: Audited, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = audited._folder
    await audited.call("ecs", "create_cluster", clusterName="before")
    aside = tmp_path / "aside"
    folder.rename(aside)
    folder.write_text("in the way")
    assert await audited.call("ecs", "create_cluster", clusterName="lost") is None
    ecs = audited.served.client("ecs")
    with pytest.raises(ClientError) as caught:
        await asyncio.to_thread(ecs.create_cluster, clusterName="refused")
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert response["Error"]["Code"] == "ServiceUnavailable"
    assert response["Error"]["Message"] == (
        "Nothing may be changed while the audit log cannot be written: File exists."
    )
    for service, operation, code in (
        ("ec2", "create_internet_gateway", "Unavailable"),
        ("s3", "create_bucket", "ServiceUnavailable"),
        ("iam", "create_user", "ServiceUnavailable"),
    ):
        params = {"s3": {"Bucket": "bucket"}, "iam": {"UserName": "u"}}.get(service, {})
        with pytest.raises(ClientError) as caught:
            await asyncio.to_thread(getattr(audited.served.client(service), operation), **params)
        assert caught.value.response["Error"]["Code"] == code
    names = (await asyncio.to_thread(ecs.list_clusters))["clusterArns"]
    assert not any(arn.endswith("/refused") for arn in names)
    folder.unlink()
    aside.rename(folder)
    assert await audited.call("ecs", "create_cluster", clusterName="after") is not None
    names = [each["eventName"] for each in await audited.records(9)]
    assert (names[0], names.count("RecordsLost")) == ("CreateCluster", 1)


def test_what_reads_is_read_only_and_what_writes_is_not() -> None:
    for operations in SERVICES.values():
        for name, operation in operations.items():
            if isinstance(operation, Reads):
                assert is_read_only(name), name
            if isinstance(operation, Writes):
                assert not is_read_only(name), name


def test_resources_are_found_by_arn_id_and_name() -> None:
    arn = f"arn:aws:ecs:eu-test-1:{ACCOUNT}:task-definition/web:3"
    assert resources_in("ecs", {"taskDefinition": arn}, {"task": {"taskDefinitionArn": arn}}) == [
        {"accountId": ACCOUNT, "type": "AWS::ECS::TaskDefinition", "ARN": arn}
    ]
    assert resources_in("ec2", {"vpcId": "vpc-0a0a0a0a"}, None) == [
        {"type": "AWS::EC2::VPC", "resourceName": "vpc-0a0a0a0a"}
    ]
    assert resources_in("logs", {"logGroupName": "/a"}) == [
        {"type": "AWS::Logs::LogGroup", "resourceName": "/a"}
    ]
    assert resources_in("s3", {"bucket": "b"}) == [{"type": "AWS::S3::Bucket", "resourceName": "b"}]
    many = {"tasks": [f"{number}" for number in range(100)]}
    assert len(resources_in("ecs", many)) == RESOURCES_MAX
    assert resources_in("ecs", None, [], {"a": 1, "b": "arn:x"}) == []
