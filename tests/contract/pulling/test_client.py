"""The registry client against a registry that fails as it is told."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bastide.host.image_archive.archive import Blob
from bastide.host.ports import Credentials
from bastide.host.registry.client import RegistryClient
from bastide.host.registry.endpoints import Registries
from bastide.host.registry.faults import PullFailed
from bastide.model.container.image_name import ImageName, parse_image_name
from bastide.model.faults import Invalid
from tests.contract.images import archives
from tests.registry import OwnRegistry, Trouble, cut, error, own_registry

ME = Credentials("me", "secret word")


@pytest.fixture
async def registry() -> AsyncIterator[OwnRegistry]:
    async with own_registry() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the settings of single registries would be."""
    return tmp_path / "registries.toml"


@pytest.fixture
async def pauses() -> list[float]:
    """How long was waited between tries, without having waited."""
    return []


@pytest.fixture
async def client(file: Path, pauses: list[float]) -> AsyncIterator[RegistryClient]:
    async def sleep(delay_s: float) -> None:
        pauses.append(delay_s)

    made = RegistryClient(Registries(file), sleep=sleep)
    yield made
    await made.close()


def named(registry: OwnRegistry, text: str) -> ImageName:
    return parse_image_name(f"{registry.authority}/{text}")


async def taken(
    client: RegistryClient, name: ImageName, blob: Blob, credentials: Credentials | None = None
) -> bytes:
    return b"".join([chunk async for chunk in client.stream(name, blob, credentials)])


def blob_of(data: bytes, *, size: int | None = None) -> Blob:
    return Blob(media_type="", digest=archives.digest(data), size=len(data) if size is None else size)


async def test_a_tag_is_resolved_by_one_request_without_a_body(
    client: RegistryClient, registry: OwnRegistry
) -> None:
    digest = registry.add("team/app", archives.oci_members())
    found = await client.resolve(named(registry, "team/app:1"), None)
    assert found.digest == digest
    assert registry.requests == ["HEAD /v2/team/app/manifests/1"]


async def test_a_registry_that_names_no_digest_is_read(client: RegistryClient, registry: OwnRegistry) -> None:
    digest = registry.add("app", archives.oci_members())
    media_type, data = registry.manifests["app:1"]
    headers = {"Content-Type": media_type, "Content-Length": str(len(data))}
    registry.fail("manifests", lambda: web.Response(headers=headers))
    assert (await client.resolve(named(registry, "app:1"), None)).digest == digest


@pytest.mark.parametrize("credentials", [None, Credentials("me", "wrong")])
async def test_basic_is_answered_and_a_refusal_is_told(
    client: RegistryClient, registry: OwnRegistry, credentials: Credentials | None
) -> None:
    digest = registry.add("app", archives.oci_members())
    registry.password = ME.password
    assert (await client.resolve(named(registry, "app:1"), ME)).digest == digest
    with pytest.raises(PullFailed) as failed:
        await client.resolve(named(registry, "app:1"), credentials)
    said = str(failed.value)
    assert said.startswith("pull image manifest has been retried 1 time(s): failed to resolve ref 127.0.0.1:")
    assert "pull access denied, repository does not exist or may require authorization" in said
    assert ("no basic auth credentials" in said) is (credentials is None)
    assert "wrong" not in said


async def test_a_token_is_fetched_once_for_all_requests(
    client: RegistryClient, registry: OwnRegistry
) -> None:
    registry.add("app", archives.oci_members())
    registry.password, registry.token_url = ME.password, f"http://{registry.authority}/token"
    data = next(iter(registry.blobs.values()))
    await client.resolve(named(registry, "app:1"), ME)
    assert await taken(client, named(registry, "app:1"), blob_of(data), ME) == data
    assert registry.asked_for("/token?scope=repository:app:pull&service=own") == 1
    with pytest.raises(PullFailed, match="failed to authorize: 401"):
        await client.resolve(named(registry, "app:1"), None)


async def test_a_token_that_has_ended_is_fetched_anew(client: RegistryClient, registry: OwnRegistry) -> None:
    registry.add("app", archives.oci_members())
    registry.token_url = f"http://{registry.authority}/token"
    await client.resolve(named(registry, "app:1"), None)
    challenge = f'Bearer realm="{registry.token_url}",service="own"'
    headers = {"WWW-Authenticate": challenge}
    registry.fail("manifests", lambda: error(401, "UNAUTHORIZED", "expired", headers))
    await client.resolve(named(registry, "app:1"), None)
    assert registry.asked_for("/token") == 2


async def test_what_may_pass_is_tried_again_and_waited_for(
    client: RegistryClient, registry: OwnRegistry, pauses: list[float]
) -> None:
    digest = registry.add("app", archives.oci_members())
    registry.fail("manifests", lambda: error(429, "TOOMANYREQUESTS", "slow down", {"Retry-After": "7"}))
    registry.fail("manifests", lambda: error(503, "UNAVAILABLE", "restarting"))
    assert (await client.resolve(named(registry, "app:1"), None)).digest == digest
    assert pauses[0] == 7
    assert pauses[1] <= 0.5


async def test_a_rate_limit_that_stays_ends_the_pull_in_the_registrys_words(
    client: RegistryClient, registry: OwnRegistry
) -> None:
    said, headers = "You have reached your pull rate limit.", {"Retry-After": "30"}
    registry.fail("manifests", lambda: error(429, "TOOMANYREQUESTS", said, headers), times=9)
    with pytest.raises(PullFailed) as failed:
        await client.read_manifest(named(registry, "app:1"), "sha256:" + "0" * 64, None)
    assert "429 Too Many Requests: toomanyrequests: You have reached your pull rate limit." in str(
        failed.value
    )
    assert "has been retried 3 time(s)" in str(failed.value)  # a minute of waiting, never more


async def test_what_is_not_there_is_told_at_once(client: RegistryClient, registry: OwnRegistry) -> None:
    name = named(registry, "app:none")
    with pytest.raises(PullFailed) as failed:
        await client.resolve(name, None)
    why = f"pull image manifest has been retried 1 time(s): failed to resolve ref {name}: {name}: not found"
    assert str(failed.value) == why
    assert len(registry.requests) == 1
    with pytest.raises(
        PullFailed, match=r"ref pull has been retried 1 time\(s\): failed to copy: .* 404 Not Found"
    ):
        await taken(client, name, blob_of(b"nothing"))


async def test_a_broken_layer_is_taken_up_where_it_broke(
    client: RegistryClient, registry: OwnRegistry
) -> None:
    data = bytes(range(256)) * 8192
    registry.blobs[archives.digest(data)] = data
    registry.troubles.append(Trouble("blobs", cut, left=3))
    assert await taken(client, named(registry, "app:1"), blob_of(data)) == data
    firsts = [int(each.removeprefix("bytes=").removesuffix("-")) for each in registry.ranges]
    assert len(firsts) == 3
    assert firsts == sorted(firsts) and firsts[0] > 0


async def test_a_registry_without_ranges_sends_it_all_again(
    client: RegistryClient, registry: OwnRegistry
) -> None:
    data = bytes(range(256)) * 8192
    registry.blobs[archives.digest(data)] = data
    registry.troubles.append(Trouble("blobs", cut))
    registry.fail("blobs", lambda: web.Response(status=200, body=data))
    assert await taken(client, named(registry, "app:1"), blob_of(data)) == data


async def test_a_layer_that_breaks_without_an_end_is_given_up(
    client: RegistryClient, registry: OwnRegistry
) -> None:
    data = b"x" * 100
    registry.fail("blobs", lambda: web.Response(body=b""), times=9)
    with pytest.raises(PullFailed, match=r"retried 5 time\(s\).*ends after 0 of 100 bytes: unexpected EOF"):
        await taken(client, named(registry, "app:1"), blob_of(data))


async def test_a_layer_larger_than_its_manifest_says_is_refused(
    client: RegistryClient, registry: OwnRegistry
) -> None:
    data = b"x" * 1000
    registry.blobs[archives.digest(data)] = data
    with pytest.raises(PullFailed, match="larger than the 10 bytes its manifest says"):
        await taken(client, named(registry, "app:1"), blob_of(data, size=10))


async def test_a_manifest_with_other_bytes_or_without_end_is_refused(
    client: RegistryClient, registry: OwnRegistry
) -> None:
    digest = registry.add("app", archives.oci_members())
    registry.fail("manifests", lambda: web.Response(body=b"{}"))
    with pytest.raises(PullFailed, match=f"sent as {digest} has the digest"):
        await client.read_manifest(named(registry, "app:1"), digest, None)
    registry.fail("manifests", lambda: web.Response(body=b" " * 5_000_000))
    with pytest.raises(PullFailed, match="larger than 4194304 bytes"):
        await client.read_manifest(named(registry, "app:1"), digest, None)


async def test_nobody_listening_a_name_nobody_has_and_plain_text_for_tls(
    client: RegistryClient, registry: OwnRegistry, file: Path, pauses: list[float]
) -> None:
    port = registry.port
    file.write_text(f'["{registry.authority}"]\nplain_http = false\n')
    with pytest.raises(PullFailed, match="http: server gave HTTP response to HTTPS client"):
        await client.resolve(named(registry, "app:1"), None)
    with pytest.raises(
        PullFailed, match=r"dial tcp: lookup nobody\.invalid: (no such host|Temporary failure)"
    ):
        await client.resolve(parse_image_name("nobody.invalid/app:1"), None)
    await registry.stop()
    file.unlink()
    pauses.clear()
    with pytest.raises(PullFailed, match=rf"retried 5 time\(s\): .*127\.0\.0\.1:{port}: connection refused"):
        await client.resolve(named(registry, "app:1"), None)
    assert len(pauses) == 4


@pytest.mark.parametrize(
    ("backlog", "told"),
    [(100, "net/http: timeout awaiting response"), (0, "dial tcp {}: i/o timeout")],
    ids=["mute", "out of reach"],
)
async def test_a_registry_that_does_not_answer_in_time(
    file: Path, pauses: list[float], backlog: int, told: str
) -> None:
    async def sleep(delay_s: float) -> None:
        pauses.append(delay_s)

    quick = aiohttp.ClientTimeout(sock_connect=0.2, sock_read=0.2)
    client = RegistryClient(Registries(file), sleep=sleep, timeout=quick)
    with contextlib.ExitStack() as held:
        mute = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=backlog))
        authority = f"127.0.0.1:{mute.getsockname()[1]}"
        for _ in range(4):  # what nobody accepts: beyond its backlog the kernel takes no more
            line = held.enter_context(socket.socket())
            line.setblocking(False)
            line.connect_ex(mute.getsockname())
        try:
            with pytest.raises(PullFailed, match=rf"retried 5 time\(s\): .*{told.format(authority)}"):
                await client.resolve(parse_image_name(f"{authority}/app:1"), None)
        finally:
            await client.close()
    assert len(pauses) == 4


@asynccontextmanager
async def tls_registry(folder: Path) -> AsyncIterator[tuple[OwnRegistry, Path]]:
    """One with a certificate that nobody has signed."""
    key, certificate = folder / "key.pem", folder / "ca.pem"
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    argv += [
        "-subj",
        "/CN=own",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(argv, check=True, capture_output=True)  # noqa: ASYNC221
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    async with own_registry(tls=tls) as running:
        yield running, certificate


async def test_a_certificate_is_believed_only_if_its_authority_is(
    client: RegistryClient, file: Path, tmp_path: Path
) -> None:
    async with tls_registry(tmp_path) as (registry, certificate):
        digest = registry.add("app", archives.oci_members())
        file.write_text(f'["{registry.authority}"]\nplain_http = false\n')
        with pytest.raises(
            PullFailed, match=r"retried 1 time.*tls: failed to verify certificate: x509: self.signed"
        ):
            await client.resolve(named(registry, "app:1"), None)
        file.write_text(f'["{registry.authority}"]\nplain_http = false\nca = "{certificate}"\n')
        assert (await client.resolve(named(registry, "app:1"), None)).digest == digest


async def test_mirrors_are_asked_first_and_what_they_lack_comes_from_the_registry(
    client: RegistryClient, registry: OwnRegistry, file: Path
) -> None:
    async with own_registry() as mirror:
        digest = registry.add("app", archives.oci_members())
        mirror.add("app", archives.oci_members())
        dead = "http://127.0.0.1:9"
        file.write_text(f'["{registry.authority}"]\nmirrors = ["{dead}", "http://{mirror.authority}"]\n')
        assert (await client.resolve(named(registry, "app:1"), None)).digest == digest
        assert mirror.requests == [f"HEAD /v2/app/manifests/1?ns={registry.authority}"]
        assert registry.requests == []
        mirror.manifests.clear()
        assert (await client.resolve(named(registry, "app:1"), None)).digest == digest
        assert len(registry.requests) == 1


@pytest.mark.parametrize("text", ["no toml", '["x"]\nmirror = []\n', '["x"]\nmirrors = ["ftp://x"]\n'])
async def test_a_wrong_file_is_told_with_its_name(
    client: RegistryClient, registry: OwnRegistry, file: Path, text: str
) -> None:
    file.write_text(text)
    with pytest.raises(Invalid, match=str(file)):
        await client.resolve(named(registry, "app:1"), None)


async def test_a_proxy_of_the_environment_is_used(
    client: RegistryClient, registry: OwnRegistry, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add("app", archives.oci_members())
    file.write_text('["registry.example"]\nplain_http = true\n')
    monkeypatch.setenv("http_proxy", f"http://{registry.authority}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    await client.resolve(parse_image_name("registry.example/app:1"), None)
    assert registry.asked_for("/v2/app/manifests/1") == 1


async def test_a_cancelled_stream_lets_the_line_go(client: RegistryClient, registry: OwnRegistry) -> None:
    data = b"x" * 50_000_000
    registry.blobs[archives.digest(data)] = data
    began = asyncio.Event()

    async def read() -> None:
        async for _ in client.stream(named(registry, "app:1"), blob_of(data), None):
            began.set()
            await asyncio.sleep(60)

    reading = asyncio.create_task(read())
    await began.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
