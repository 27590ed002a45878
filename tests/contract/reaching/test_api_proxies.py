"""The API inside real VPCs, asked from real namespaces of tasks: the promises of docs/task-api.md."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from bastide.api.connections import passed_on_with
from bastide.api.operation import Context, Origin, Params, Reads, Result
from bastide.api.tls import InsideCertificates
from bastide.cli.host import API_PROXY
from bastide.config import Settings
from bastide.host import names
from bastide.host.api_proxies.forwarding import CONNECTIONS_MAX_EACH
from bastide.host.api_proxies.processes import ApiProxyProcesses
from bastide.host.cgroups import TaskCgroups
from bastide.host.confined.confinement import NOBODY
from bastide.model.network import (
    API_IP,
    Address,
    Interface,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Traffic,
    assemble_vpcs,
    mac_of,
)
from bastide.model.network.parts import TCP
from bastide.server import ensure_place
from bastide.store import Store, Txn
from tests.contract.network_world import ask, is_silent, make_eni, make_network, words_of
from tests.real_host import instance_name, nothing_left, require_root
from tests.unit.api.serving import KEY, serving
from tests.vpcs import open_parts

pytestmark = pytest.mark.real
TASKS = [f"{number}" * 32 for number in range(1, 4)]
PORT = 4599
ENDPOINT = "172.31.0.99"
IDENTITY = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
ASKING = f"""
import http.client, sys
try:
    line = http.client.HTTPConnection("{API_IP}", int(sys.argv[1]), timeout=5)
    line.request("GET", sys.argv[2])
    print(line.getresponse().status)
except OSError as error:
    print(type(error).__name__)
except http.client.HTTPException as error:
    print(type(error).__name__)
"""
CROWD = f"""
import socket, time
held = [socket.create_connection(("{API_IP}", {PORT})) for _ in range({CONNECTIONS_MAX_EACH} + 20)]
time.sleep(0.3)
closed = 0
for each in held:
    each.setblocking(False)
    try:
        closed += each.recv(1) == b""
    except BlockingIOError:
        pass
    except ConnectionResetError:
        closed += 1
print(closed, flush=True)
input()
"""


class World:
    """Two VPCs of the same CIDR, the ways of both to the API, and an API that notes whence it is called."""

    def __init__(self, folder: Path) -> None:
        self.instance = instance_name("p")
        self.folder = folder
        self.settings = Settings(data_root=folder / "data", run_root=folder / "run", instance=self.instance)
        self.network = make_network(self.instance, folder)
        self.cgroups = TaskCgroups(names.api_proxy_cgroups(self.instance))
        self.proxies = self.make_proxies()
        self.origins: list[Origin] = []
        self.bundle = folder / "ca.pem"
        (folder / "run" / self.instance / "server").mkdir(parents=True, mode=0o700)
        (folder / "data" / self.instance / "server").mkdir(parents=True)
        ensure_place(self.settings.vpc_socket)

    def make_proxies(self) -> ApiProxyProcesses:
        """As another agent has them."""
        return ApiProxyProcesses(
            program=API_PROXY,
            server_socket=self.settings.vpc_socket,
            port=PORT,
            cgroups=self.cgroups,
            network=self.network,
        )

    async def join(self, number: int, *, vpc: str = "a") -> str:
        """The namespace of a task with an interface, in a VPC that has its way to the API."""
        eni = make_eni(number, vpc=vpc)
        netns = await self.network.ensure_eni(eni, task_id=TASKS[number + 1 if vpc == "b" else number - 1])
        await self.proxies.ensure_api_proxy(f"vpc-{vpc}")
        return netns

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """As the server serves on its socket for VPCs."""
        inside = InsideCertificates(self.settings)
        self.bundle.write_text(inside.authority)

        def note(txn: Txn, ctx: Context, params: Params) -> Result:
            self.origins.append(ctx.origin)
            return {"Arn": ctx.caller.principal_arn}

        store = await Store.open(f"sqlite:///{self.folder / 'store.db'}")
        services = {"sts": {"GetCallerIdentity": Reads(note)}}
        http, uds = passed_on_with(inside.context), ensure_place(self.settings.vpc_socket)
        try:
            async with serving(store, self.settings, services=services, http=http, uds=uds):
                yield
        finally:
            await store.close()

    async def run(self, netns: str, script: str, *arguments: str, url: str = f"https://{API_IP}") -> str:
        """What the script prints inside the task's namespace, with nothing but what a task is told."""
        made = await asyncio.create_subprocess_exec(
            *("nsenter", f"--net={netns}", sys.executable, "-c", script, *arguments),
            stdout=asyncio.subprocess.PIPE,
            env={
                "AWS_ENDPOINT_URL": url,
                "AWS_CA_BUNDLE": str(self.bundle),
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": KEY.access_key_id,
                "AWS_SECRET_ACCESS_KEY": KEY.secret_access_key,
            },
        )
        return (await made.communicate())[0].decode().strip()

    async def pid(self, vpc: str = "a") -> int:
        (pid,) = await self.cgroups.read_processes(f"vpc-{vpc}")
        return pid


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    require_root("nft", "ip", "nsenter", "setsid")
    made = World(tmp_path)
    with nothing_left(*words_of(made.instance)):
        yield made
        for vpc_id in await made.proxies.read_api_proxies():
            await made.proxies.remove_api_proxy(vpc_id)
        for eni_id, vpc_id in (await made.proxies.read_endpoints()).items():
            await made.proxies.remove_endpoint(vpc_id, eni_id)
        for task_id in TASKS:
            await made.network.remove_eni(task_id)


async def test_an_sdk_calls_the_api_by_tls_and_the_api_knows_whence(world: World) -> None:
    a, b = await world.join(1), await world.join(1, vpc="b")
    async with world.serving():
        for netns in (a, b):
            assert await world.run(netns, IDENTITY) == "arn:aws:iam::000000000000:root"
    assert [(each.vpc_id, each.address, each.is_secure) for each in world.origins] == [
        ("vpc-a", "172.31.0.5", True),
        ("vpc-b", "172.31.0.5", True),
    ]


async def test_nothing_but_the_api_answers(world: World) -> None:
    netns = await world.join(1)
    async with world.serving():
        assert await world.run(netns, ASKING, str(PORT), "/") == "400"
        assert await world.run(netns, ASKING, str(PORT), "/_bastide/health") == "404"
    for port in (22, 53, PORT + 1):
        assert ask(netns, API_IP, port=port) == "refused"


async def test_the_host_does_not_reach_it(world: World) -> None:
    await world.join(1)
    assert is_silent(None, API_IP, port=PORT)


async def test_while_the_server_is_away_a_call_fails_at_once_and_then_works_again(world: World) -> None:
    netns = await world.join(1)
    before = await world.pid()
    async with world.serving():
        assert await world.run(netns, ASKING, str(PORT), "/") == "400"
    assert await world.run(netns, ASKING, str(PORT), "/") in ("RemoteDisconnected", "ConnectionResetError")
    async with world.serving():
        assert await world.run(netns, ASKING, str(PORT), "/") == "400"
    assert await world.pid() == before


async def test_it_outlives_the_agent_and_is_replaced_when_it_dies(world: World) -> None:
    netns = await world.join(1)
    async with world.serving():
        before = await world.pid()
        await world.make_proxies().ensure_api_proxy("vpc-a")
        assert await world.pid() == before
        os.kill(before, signal.SIGKILL)
        while await world.cgroups.read_processes("vpc-a"):
            await asyncio.sleep(0.01)
        await world.make_proxies().ensure_api_proxy("vpc-a")
        assert await world.run(netns, ASKING, str(PORT), "/") == "400"


async def test_it_has_no_privileges(world: World) -> None:
    netns = await world.join(1)
    async with world.serving():
        await world.run(netns, ASKING, str(PORT), "/")
    lines = Path(f"/proc/{await world.pid()}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert status["Uid"].split() == status["Gid"].split() == [str(NOBODY)] * 4
    assert (status["CapEff"], status["CapPrm"], status["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")


async def test_a_vpc_endpoint_answers_as_far_as_its_groups_let_one(world: World) -> None:
    netns = await world.join(1)
    told = {TASKS[0]: make_eni(1)}
    subnet = next(part for part in open_parts(told) if isinstance(part, Subnet))
    interface = Interface(
        id="eni-0a1b2c3d4e5f60718",
        vpc_id="vpc-a",
        subnet_id=subnet.id,
        mac=mac_of("eni-0a1b2c3d4e5f60718"),
        addresses=(Address(ENDPOINT),),
        group_ids=("sg-web",),
        endpoint_id="vpce-1",
    )
    https = Traffic(protocol=TCP, first=443, last=443)
    only = SecurityGroupRule(
        id="sgr-web", group_id="sg-web", is_egress=False, traffic=https, cidr="172.31.0.0/16"
    )
    parts = [*open_parts(told), interface, SecurityGroup(id="sg-web", vpc_id="vpc-a"), only]
    world.network.know(assemble_vpcs(parts))
    await world.network.ensure_vpc("vpc-a")
    await world.proxies.ensure_endpoint(interface)
    async with world.serving():
        url = f"http://{ENDPOINT}:443"
        assert await world.run(netns, IDENTITY, url=url) == "arn:aws:iam::000000000000:root"
        assert ask(netns, ENDPOINT, port=PORT) == "nothing"
    (origin,) = world.origins
    assert (origin.vpc_id, origin.endpoint_id, origin.address) == ("vpc-a", "vpce-1", "172.31.0.5")
    assert await world.proxies.read_endpoints() == {interface.id: "vpc-a"}
    assert await world.network.read_enis() == {TASKS[0]}
    await world.proxies.remove_endpoint("vpc-a", interface.id)
    assert await world.proxies.read_endpoints() == {}
    assert is_silent(netns, ENDPOINT, port=443)


async def test_nobody_else_on_the_host_may_speak_for_a_task(world: World) -> None:
    async with world.serving():
        script = "import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
        path = str(world.settings.vpc_socket)
        argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable]
        run = partial(subprocess.run, [*argv, "-c", script, path], capture_output=True, text=True)
        assert "PermissionError" in (await asyncio.to_thread(run)).stderr


async def test_who_takes_all_seats_takes_none_of_the_others(world: World) -> None:
    greedy, other = await world.join(1), await world.join(2)
    async with world.serving():
        argv = ["nsenter", f"--net={greedy}", sys.executable, "-c", CROWD]
        pipe = asyncio.subprocess.PIPE
        crowd = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe)
        assert crowd.stdout is not None
        assert int(await crowd.stdout.readline()) == 20
        assert await world.run(other, ASKING, str(PORT), "/") == "400"
        await crowd.communicate(b"\n")
