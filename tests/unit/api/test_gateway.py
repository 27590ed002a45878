"""Requests over a real socket, by boto3 and by hand: who is answered how."""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from bastide import __version__
from bastide.api.connections import Connection
from bastide.api.keys.admin import AdminKey
from bastide.api.operation import Context, Params, Reads, Result
from bastide.config import Settings
from bastide.store import Record, Store
from bastide.store.txn import Txn
from bastide.wire.sigv4 import Identity, verify
from tests.unit.api.serving import KEY, Served, serving

LIMIT = 100_000
TARGET = "AmazonEC2ContainerServiceV20141113.ListClusters"


@pytest.fixture
async def served(store: Store) -> AsyncIterator[Served]:
    async with serving(store, Settings(account="111122223333", body_limit_bytes=LIMIT)) as running:
        yield running


async def refusal(call: Callable[..., Any], **params: Any) -> tuple[str, int, str]:
    """Code, status and sentence of the error a call ends in."""
    with pytest.raises(ClientError) as caught:
        await asyncio.to_thread(call, **params)
    response = caught.value.response
    return (
        response["Error"]["Code"],
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Message"],
    )


async def test_clusters_by_boto3(served: Served) -> None:
    def story() -> None:
        ecs = served.client("ecs")
        made = ecs.create_cluster(clusterName="web", tags=[{"key": "a", "value": "b"}])["cluster"]
        assert (
            ecs.describe_clusters(clusters=["web"], include=["TAGS"])["clusters"][0]["tags"] == made["tags"]
        )
        for number in range(5):
            ecs.create_cluster(clusterName=f"c{number}")
        pages = ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2})
        names = [arn.rsplit("/", 1)[1] for page in pages for arn in page["clusterArns"]]
        assert names == ["c0", "c1", "c2", "c3", "c4", "web"]
        assert ecs.delete_cluster(cluster="web")["cluster"]["status"] == "INACTIVE"
        with pytest.raises(ecs.exceptions.ClusterNotFoundException):
            ecs.delete_cluster(cluster="web")
        elsewhere = served.client("ecs", region="eu-test-2")
        assert elsewhere.list_clusters()["clusterArns"] == []

    await asyncio.to_thread(story)


async def test_the_answer_carries_a_request_id(served: Served) -> None:
    answers = [await asyncio.to_thread(served.client("ecs").list_clusters) for _ in range(2)]
    ids = {answer["ResponseMetadata"]["RequestId"] for answer in answers}
    assert len(ids) == 2
    assert all(len(each) == 36 for each in ids)


async def test_the_caller_is_the_accounts_root(served: Served) -> None:
    identity = await asyncio.to_thread(served.client("sts").get_caller_identity)
    assert identity["Arn"] == "arn:aws:iam::111122223333:root"


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("ecs", "list_clusters", "InvalidSignatureException", 400),
        ("logs", "describe_log_groups", "InvalidSignatureException", 400),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch", 403),
        ("ec2", "describe_vpcs", "AuthFailure", 401),
    ],
)
async def test_a_wrong_secret(served: Served, service: str, operation: str, code: str, status: int) -> None:
    client = served.client(service, key=AdminKey(KEY.access_key_id, "x" * 40))
    assert (await refusal(getattr(client, operation)))[:2] == (code, status)


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ecs", "list_clusters", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ec2", "describe_vpcs", "AuthFailure"),
    ],
)
async def test_a_key_nobody_has(served: Served, service: str, operation: str, code: str) -> None:
    client = served.client(service, key=AdminKey("AKIAOTHEROTHEROTHER0", "x" * 40))
    assert (await refusal(getattr(client, operation)))[0] == code


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("ecs", "create_service", {"serviceName": "s"}, "UnsupportedFeatureException"),
        ("ec2", "describe_hosts", {}, "UnsupportedOperation"),
        ("logs", "describe_export_tasks", {}, "UnknownOperationException"),
        ("sts", "get_access_key_info", {"AccessKeyId": "A" * 20}, "InvalidAction"),
        ("iam", "generate_credential_report", {}, "InvalidAction"),
        ("lambda", "list_functions", {}, "UnknownOperationException"),
        ("cloudwatch", "list_dashboards", {}, "UnknownOperationException"),
        ("s3", "list_multipart_uploads", {"Bucket": "b"}, "NotImplemented"),
    ],
)
async def test_what_is_not_built_says_where_to_look(
    served: Served, service: str, operation: str, params: dict[str, Any], code: str
) -> None:
    found, _, sentence = await refusal(getattr(served.client(service), operation), **params)
    assert found == code
    assert "docs/compat.md" in sentence


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "sentence"),
    [
        (
            "ecs",
            "describe_clusters",
            {"include": ["ALL"]},
            "InvalidParameterException",
            "include should be one of [ATTACHMENTS,CONFIGURATIONS,SETTINGS,STATISTICS,TAGS]",
        ),
        (
            "ecs",
            "put_account_setting",
            {"name": "unknown", "value": "x"},
            "InvalidParameterException",
            "unknown should be one of [serviceLongArnFormat,taskLongArnFormat,",
        ),
        ("ecs", "update_cluster", {}, "InvalidParameterException", "Cluster can not be blank."),
        (
            "ecs",
            "create_cluster",
            {"tags": [{"key": "", "value": "x"}]},
            "InvalidParameterException",
            "length greater than or equal to 1",
        ),
        ("logs", "create_log_group", {}, "InvalidParameterException", "'logGroupName'"),
        ("sts", "assume_role", {"RoleArn": "short"}, "ValidationError", "'roleSessionName'"),
        ("ec2", "describe_network_interface_attribute", {}, "MissingParameter", "etworkInterfaceId"),
    ],
)
async def test_a_broken_rule_of_the_model(
    served: Served, service: str, operation: str, params: dict[str, Any], code: str, sentence: str
) -> None:
    client = served.client(service, validates=False)
    found, status, told = await refusal(getattr(client, operation), **params)
    assert (found, status) == (code, 400)
    assert sentence in told


async def post(served: Served, body: bytes = b"{}", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.post(served.url + "/", content=body, headers=named)


async def test_unsigned_requests_are_refused(served: Served) -> None:
    answer = await post(served, X_Amz_Target=TARGET, Content_Type="application/x-amz-json-1.1")
    assert answer.status_code == 400
    assert answer.json()["__type"] == "MissingAuthenticationTokenException"
    assert len(answer.headers["x-amzn-requestid"]) == 36
    query = await post(
        served,
        b"Action=GetCallerIdentity&Version=2011-06-15",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert query.status_code == 403
    assert "<Code>MissingAuthenticationToken</Code>" in query.text
    assert 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"' in query.text
    ec2 = await post(
        served, b"Action=DescribeVpcs&Version=2016-11-15", Content_Type="application/x-www-form-urlencoded"
    )
    assert ec2.status_code == 400
    assert "<Response><Errors><Error><Code>MissingParameter</Code>" in ec2.text
    assert "<RequestID>" in ec2.text
    unreadable = await post(served, b"Version=%ff", Content_Type="application/x-www-form-urlencoded")
    assert unreadable.status_code == 403
    assert "<Code>MissingAuthenticationToken</Code>" in unreadable.text


def sign_for_sts(context: dict[str, Any], **_: Any) -> None:
    context["signing"] = {**context.get("signing", {}), "signing_name": "sts"}


async def test_a_signature_for_another_service_is_refused(served: Served) -> None:
    client = served.client("ecs")
    client.meta.events.register("choose-signer.*", sign_for_sts)
    code, _, sentence = await refusal(client.list_clusters)
    assert code == "InvalidSignatureException"
    assert "correct service: 'ecs'" in sentence


async def test_a_presigned_request_is_a_signature_too(served: Served) -> None:
    url = served.client("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    async with httpx.AsyncClient() as client:
        answer = await client.get(url)
        tampered = await client.get(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
    assert answer.status_code == 200
    assert "<Arn>arn:aws:iam::111122223333:root</Arn>" in answer.text
    assert tampered.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in tampered.text


async def test_a_large_body_is_refused_before_it_is_read(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: {TARGET}\r\nContent-Length: {LIMIT + 1}\r\n\r\n"
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"RequestEntityTooLargeException" in answer


async def test_a_large_body_without_a_length_is_refused_too(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: {TARGET}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode() + b"%x\r\n" % (LIMIT + 1) + b"x" * (LIMIT + 1) + b"\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413")


class Impatient(Connection):
    """Waits a moment only."""

    head_timeout_s = 0.3


async def test_slow_senders_are_cut_off_and_hold_nobody_up(store: Store) -> None:
    async with serving(store, Settings(), http=Impatient) as served:
        served.app.body_timeout_s = 0.3
        heads = [
            b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: T.Op\r\nContent-Length: 9\r\n\r\n{",
            b"POST / HTTP/1.1\r\nHost: x\r\n",
            b"",
        ]
        slow = [await asyncio.open_connection("127.0.0.1", served.port) for _ in heads]
        for (_, writer), head in zip(slow, heads, strict=True):
            writer.write(head)
        async with asyncio.timeout(0.25):
            assert (await post(served, X_Amz_Target=TARGET)).status_code == 400
        async with asyncio.timeout(5):
            ends = await asyncio.gather(*(reader.read() for reader, _ in slow), return_exceptions=True)
        for _, writer in slow:
            writer.close()
    answer, *cut = ends
    assert isinstance(answer, bytes)
    assert answer.startswith(b"HTTP/1.1 408")
    assert cut == [b"", b""]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),  # TLS
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 1_000_000, 431),
    ],
)
async def test_what_is_no_request_is_refused_in_awss_shape(served: Served, said: bytes, status: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(said)
    async with asyncio.timeout(5):
        await writer.drain()
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"x-amzn-requestid: " in head
    assert json.loads(body)["__type"] == "MalformedHttpRequestException"


async def test_only_a_large_body_is_hashed_beside_the_event_loop(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[bool] = []

    def noting(*args: Any, **kwargs: Any) -> Identity:
        beside.append(threading.current_thread() is not threading.main_thread())
        return verify(*args, **kwargs)

    monkeypatch.setattr("bastide.api.gateway.verify", noting)
    monkeypatch.setattr("bastide.api.gateway.LARGE_BODY_BYTES", LIMIT // 2)
    client = served.client("ecs")
    assert (await asyncio.to_thread(client.list_clusters))["clusterArns"] == []
    code, _, sentence = await refusal(client.list_clusters, nextToken="a" * (LIMIT - 1000))
    assert (code, sentence) == ("InvalidParameterException", "Invalid token.")
    assert beside == [False, True]


async def test_a_head_without_end_is_cut_off(served: Served) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n")
    async with asyncio.timeout(10):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            while True:
                writer.write(b"X-A: " + b"a" * 8000 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0)
    writer.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"[", 400),
        (b"[]", 400),
        (b'{"maxResults": "x"}', 400),
        (b'{"maxResults": 1e400}', 400),
        (b"\xff", 400),
        (b'{"a":' * 10_000, 400),
    ],
)
async def test_garbage_is_the_senders_fault(served: Served, body: bytes, status: int) -> None:
    seen: list[int] = []
    ecs = served.client("ecs")
    ecs.meta.events.register("before-call.*", lambda params, **_: params.update(body=body))
    ecs.meta.events.register(
        "after-call.*", lambda http_response, **_: seen.append(http_response.status_code)
    )
    with contextlib.suppress(ClientError):
        await asyncio.to_thread(ecs.list_clusters)
    assert seen == [status]


async def test_what_nobody_foresaw_is_one_traceback_and_a_server_error(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(txn: Txn, ctx: Context, params: Params) -> Result:
        raise ZeroDivisionError("as it happens")

    async with serving(store, Settings(), services={"ecs": {"ListClusters": Reads(broken)}}) as served:
        with pytest.raises(ClientError) as caught:
            await asyncio.to_thread(served.client("ecs").list_clusters)
    response = caught.value.response
    assert response["Error"]["Code"] == "ServerException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "as it happens" not in response["Error"]["Message"]
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert response["ResponseMetadata"]["RequestId"] in record.getMessage()


async def test_health_needs_no_signature(served: Served, store: Store) -> None:
    await store.update(lambda txn: txn.put(Record("task", "t", "", {}, state="RUNNING")))
    async with httpx.AsyncClient() as client:
        answer = await client.get(served.url + "/_bastide/health")
        assert (await client.get(served.url + "/_bastide/else")).status_code == 404
        assert (await client.get(served.url + "/_bastide/metrics")).status_code == 404
    assert answer.status_code == 200
    health = answer.json()
    assert health["uptime_s"] >= 0
    del health["uptime_s"]
    assert health == {
        "status": "ok",
        "version": __version__,
        "instance": "bastide",
        "agents_connected": 1,
        "tasks": {"RUNNING": 1},
    }


async def test_health_says_so_when_the_store_is_gone(served: Served, store: Store) -> None:
    await store.close()
    async with httpx.AsyncClient() as client:
        answer = await client.get(served.url + "/_bastide/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "failed")
    assert (await refusal(served.client("ecs").list_clusters))[:2] == ("ServerException", 500)


async def test_metrics_are_on_their_own_application(served: Served) -> None:
    ecs = served.client("ecs")
    await asyncio.to_thread(ecs.create_cluster)
    await refusal(ecs.delete_cluster, cluster="gone")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=served.app.metrics_app), base_url="http://metrics"
    ) as client:
        text = (await client.get("/_bastide/metrics")).text
    lines = set(text.splitlines())
    assert 'bastide_api_requests_total{code="OK",operation="CreateCluster",service="ecs"} 1.0' in lines
    missing = (
        'bastide_api_requests_total{code="ClusterNotFoundException",operation="DeleteCluster",service="ecs"}'
    )
    assert missing + " 1.0" in lines
    assert 'bastide_api_request_seconds_count{operation="CreateCluster",service="ecs"} 1.0' in lines
    assert "bastide_agents_connected 1.0" in lines
    assert "bastide_store_commits 1.0" in lines
