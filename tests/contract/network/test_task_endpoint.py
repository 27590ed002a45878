"""The listener of the task endpoint in real namespaces, and the fake: who asks is known, all else is shut."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from installing.development import find_program
from installing.sdks import find_sdk
from msgspec.structs import replace

from bastide.host.endpoints import CONNECTIONS_MAX_EACH, VpcEndpoints
from bastide.host.ports import Answered, Asked, Endpoints
from bastide.model.faults import NotFound
from bastide.model.network import METADATA_IP
from bastide.plan.firewall.task_endpoint import CALLS_PER_S
from tests.contract.network_world import OpenNetwork, is_silent, make_eni, make_network, run_inside, words_of
from tests.fakes.endpoints import FakeEndpoints
from tests.real_host import instance_name, nothing_left, require_root
from tests.vpcs import open_vpcs

pytestmark = pytest.mark.real
TASKS = [f"{number}" * 32 for number in range(1, 4)]
ASK = """
import http.client, json, sys
source = (sys.argv[1], 0) if sys.argv[1] else None
try:
    line = http.client.HTTPConnection("169.254.170.2", timeout=5, source_address=source)
    for word in sys.argv[2:]:
        method, path, body = word.split(" ", 2)
        line.request(method, path, body=body or None)
        answer = line.getresponse()
        print(answer.status, answer.read().decode())
except ConnectionRefusedError:
    print("refused")
except OSError as error:
    print("nothing")
"""
HOLD = """
import socket, sys
held = []
for _ in range(int(sys.argv[1])):
    line = socket.create_connection(("169.254.170.2", 80), timeout=5)
    held.append(line)
line.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
try:
    print("answered" if line.recv(10) else "closed")
except ConnectionResetError:
    print("closed")
"""
BABBLE = """
import socket, sys
line = socket.create_connection(("169.254.170.2", 80), timeout=5)
try:
    line.sendall(eval(sys.argv[1]))
    print(line.recv(200).split(b"\\r\\n")[0].decode())
except OSError:
    print("closed")
"""

FLOOD = """
import select, socket, sys, time
held, poll = {}, select.poll()
for _ in range(int(sys.argv[1])):
    line = socket.socket()
    line.setblocking(False)
    line.connect_ex(("169.254.170.2", 80))
    held[line.fileno()] = line
    poll.register(line, select.POLLOUT)
end = time.monotonic() + 0.6  # before a lost SYN is sent again
taken = set()
while (left := end - time.monotonic()) > 0 and len(taken) < len(held):
    for number, _ in poll.poll(left * 1000):
        taken.add(number)
        poll.unregister(number)
print(len(taken))
"""

SDK = """
import boto3
keys = boto3.Session().get_credentials().get_frozen_credentials()
print(keys.access_key, keys.token)
"""
VARIABLES = (
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/some-id",
    "AWS_REGION=us-east-1",
    "HOME=/nowhere",
)


async def tell(asked: Asked) -> Answered:
    """Everything that was heard."""
    said = {"from": asked.address, "asked": f"{asked.method} {asked.target}", "body": asked.body.decode()}
    return Answered(status=200, body=json.dumps(said).encode())


class World:
    """VPCs of the same CIDR, each with its listener."""

    def __init__(self, folder: Path) -> None:
        self.instance = instance_name("e")
        self.network: OpenNetwork = make_network(self.instance, folder)
        self.endpoints = VpcEndpoints(self.network.router_path)

    async def join(self, number: int, *, vpc: str = "a") -> str:
        """The namespace of a task with an interface, in a VPC that has its listener."""
        task_id = TASKS[number + 1 if vpc == "b" else number - 1]
        netns = await self.network.ensure_eni(make_eni(number, vpc=vpc, public=True), task_id=task_id)
        await self.endpoints.ensure_endpoint(f"vpc-{vpc}", tell)
        return netns


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    require_root("nft", "ip", "nsenter")
    made = World(tmp_path)
    with nothing_left(*words_of(made.instance)):
        yield made
        await made.endpoints.close()
        for task_id in TASKS:
            await made.network.remove_eni(task_id)


async def inside(netns: str, program: str, *arguments: str) -> list[str]:
    return (
        await asyncio.to_thread(run_inside, netns, sys.executable, "-c", program, *arguments)
    ).splitlines()


async def ask(netns: str, *requests: str, source: str = "") -> list[str]:
    return await inside(netns, ASK, source, *requests)


async def test_each_is_heard_by_its_own_address_one_request_after_the_other(world: World) -> None:
    first, second = await world.join(1), await world.join(2)
    twin = await world.join(1, vpc="b")
    heard = await ask(first, "GET /v4/x?y=1 ", 'PUT /state {"a":1}')
    assert [json.loads(line.partition(" ")[2]) for line in heard] == [
        {"from": "172.31.0.5", "asked": "GET /v4/x?y=1", "body": ""},
        {"from": "172.31.0.5", "asked": "PUT /state", "body": '{"a":1}'},
    ]
    assert "172.31.0.6" in (await ask(second, "GET / "))[0]
    assert "172.31.0.5" in (await ask(twin, "GET / "))[0]


async def test_shut_groups_do_not_shut_it_and_nothing_else_is_open(world: World) -> None:
    netns = await world.join(1)
    world.network.is_told = True
    shut = {vpc_id: replace(state, rules={}) for vpc_id, state in open_vpcs(world.network.told).items()}
    world.network.know(shut)
    await world.network.ensure_vpc("vpc-a")
    assert len(await ask(netns, "GET / ")) == 1
    assert is_silent(netns, METADATA_IP, port=8080)
    assert is_silent(netns, "172.31.0.1", port=80)
    assert is_silent(netns, "172.31.0.2", port=80)


async def test_an_address_that_is_not_the_tasks_own_hears_nothing(world: World) -> None:
    netns, _ = await world.join(1), await world.join(2)
    for forged in ("172.31.0.6", "172.31.0.99"):
        run_inside(netns, "ip", "address", "add", f"{forged}/32", "dev", "eth0")
        assert is_silent(netns, METADATA_IP, port=80, source=forged)


async def test_the_host_does_not_reach_it(world: World) -> None:
    await world.join(1)
    assert is_silent(None, METADATA_IP, port=80)


async def test_a_vpc_that_was_made_anew_is_answered_and_one_that_is_left_is_not(world: World) -> None:
    await world.join(1)
    await world.network.remove_eni(TASKS[0])
    netns = await world.join(1)
    assert "172.31.0.5" in (await ask(netns, "GET / "))[0]
    await world.endpoints.remove_endpoint("vpc-a")
    assert await ask(netns, "GET / ") == ["refused"]


async def test_who_holds_many_connections_or_sends_rubbish_is_alone_with_it(world: World) -> None:
    first, second = await world.join(1), await world.join(2)
    assert await inside(first, HOLD, str(CONNECTIONS_MAX_EACH)) == ["answered"]
    assert await inside(first, HOLD, str(CONNECTIONS_MAX_EACH + 1)) == ["closed"]
    assert await inside(first, BABBLE, "b'\\0' * 100 + b'\\r\\n\\r\\n'") == ["HTTP/1.1 400 "]
    assert await inside(first, BABBLE, "b'GET / HTTP/1.1\\r\\nx: ' + b'x' * 20000") == ["HTTP/1.1 431 "]
    large = "b'PUT / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 99999\\r\\n\\r\\n' + b'x' * 17000"
    assert await inside(first, BABBLE, large) == ["HTTP/1.1 413 "]
    assert "172.31.0.6" in (await ask(second, "GET / "))[0]


async def test_who_floods_it_is_held_to_a_rate_and_takes_nothing_from_others(world: World) -> None:
    flooder, other = await world.join(1), await world.join(2)
    flooding = asyncio.create_task(inside(flooder, FLOOD, str(6 * CALLS_PER_S)))
    assert "172.31.0.6" in (await ask(other, "GET / "))[0]
    (taken,) = await flooding
    assert CALLS_PER_S < int(taken) < 4 * CALLS_PER_S


@pytest.mark.parametrize("kind", ["fake", "real"])
async def test_a_vpc_that_is_not_here_has_none(kind: str, world: World) -> None:
    endpoints: Endpoints = FakeEndpoints({"vpc-a"}) if kind == "fake" else world.endpoints
    with pytest.raises(NotFound):
        await endpoints.ensure_endpoint("vpc-z", tell)
    await endpoints.remove_endpoint("vpc-z")


async def test_what_an_interface_carries_is_counted_as_the_task_sees_it(world: World) -> None:
    netns = await world.join(1)
    before = await world.network.read_traffic("vpc-a", TASKS[0])
    await ask(netns, "PUT / " + "x" * 10_000)
    after = await world.network.read_traffic("vpc-a", TASKS[0])
    assert before is not None and after is not None
    assert after.tx_bytes - before.tx_bytes > 10_000
    assert after.rx_packets > before.rx_packets
    assert await world.network.read_traffic("vpc-a", "f" * 32) is None
    assert await world.network.read_traffic("vpc-z", TASKS[0]) is None


def sdk_in_python() -> list[str]:
    return [sys.executable, "-c", SDK]


def sdk_in_go() -> list[str]:
    return [str(find_program("sdk-go"))]


def sdk_in_java() -> list[str]:
    folder = find_sdk("sdk-java")
    return ["java", "-cp", f"{folder}/lib/*", f"{folder}/Credentials.java"]


def sdk_in_javascript() -> list[str]:
    return ["node", f"{find_sdk('sdk-javascript')}/credentials.mjs"]


@pytest.mark.parametrize("sdk", [sdk_in_python, sdk_in_go, sdk_in_java, sdk_in_javascript])
async def test_awss_own_sdks_take_their_credentials_from_there(
    world: World, sdk: Callable[[], list[str]]
) -> None:
    async def give(asked: Asked) -> Answered:
        assert (asked.method, asked.target) == ("GET", "/v2/credentials/some-id")
        until = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": asked.address, "Expiration": until}
        return Answered(status=200, body=json.dumps(keys).encode(), content_type="application/json")

    program = sdk()
    if not Path(program[-1]).exists() and program[-1] != SDK:
        pytest.skip("the SDK could not be fetched: tools/setup --dev")
    netns = await world.network.ensure_eni(make_eni(1), task_id=TASKS[0])
    await world.endpoints.ensure_endpoint("vpc-a", give)
    said = await asyncio.to_thread(run_inside, netns, "env", *VARIABLES, *program)
    assert said.split() == ["ASIA1", "172.31.0.5"]
