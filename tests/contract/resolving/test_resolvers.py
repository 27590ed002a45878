"""Resolvers, the real ones by questions asked inside real VPCs: the promises of docs/dns.md."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bastide.cli.host import RESOLVER
from bastide.host import names
from bastide.host.cgroups import TaskCgroups
from bastide.host.confined.confinement import NOBODY
from bastide.host.resolver.processes import ResolverProcesses
from bastide.model.network import public_pool
from bastide.model.network.names import LINK_LOCAL_RESOLVER, LOOK_UPS_PER_S, VpcNames
from tests.contract.network_world import VPC_CIDR, make_eni, make_network, words_of
from tests.contract.resolving.upstream import KNOWN, LARGE, MUTE, Upstream, look_up
from tests.real_host import instance_name, nothing_left, require_root

pytestmark = pytest.mark.real
TASKS = [f"{number}" * 32 for number in range(1, 4)]
OWN = "ip-172-31-0-5.ec2.internal."
FLOOD = """
import socket, sys, time
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
line.connect(("172.31.0.2", 53))
ask = b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\x0dip-172-31-0-5\\3ec2\\x08internal\\0\\0\\1\\0\\1"
for _ in range(int(sys.argv[1])):
    line.send(ask)
line.settimeout(0.5)
heard = 0
try:
    while True:
        line.recv(512)
        heard += 1
except TimeoutError:
    print(heard)
"""


class World:
    """Two VPCs of the same CIDR, their resolvers, and a resolver of the host's."""

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        self.instance = instance_name("r")
        self.folder, self.upstream = folder, upstream
        self.network = make_network(self.instance, folder)
        self.cgroups = TaskCgroups(names.resolver_cgroups(self.instance))
        self.resolvers = self.make_resolvers()

    def make_resolvers(self) -> ResolverProcesses:
        """As another agent has them."""
        return ResolverProcesses(
            folder=self.folder / "names",
            program=RESOLVER,
            resolv_conf=self.folder / "resolv.conf",
            cgroups=self.cgroups,
            router_path=self.network.router_path,
        )

    async def join(self, number: int, *, vpc: str = "a") -> str:
        """The namespace of a task with an interface, in a VPC that has its resolver."""
        eni = make_eni(number, vpc=vpc)
        netns = await self.network.ensure_eni(eni, task_id=TASKS[number + 1 if vpc == "b" else number - 1])
        await self.resolvers.ensure_resolver(self.names(vpc))
        return netns

    def names(self, vpc: str) -> VpcNames:
        pool = public_pool(self.instance)
        private = {"a": "172.31.0.5", "b": "172.31.0.6"}[vpc]
        return VpcNames(
            vpc_id=f"vpc-{vpc}",
            cidrs=(VPC_CIDR,),
            region="us-east-1",
            pool=str(pool),
            private_by_public={str(pool.network_address + 9): private},
        )

    async def pid(self, vpc: str = "a") -> int:
        (pid,) = await self.cgroups.read_processes(f"vpc-{vpc}")
        return pid


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    require_root("nft", "ip", "nsenter", "setsid")
    with Upstream(f"127.53.{os.getpid() % 250}.{os.getpid() // 250 % 250 + 1}").running() as made:
        yield made


@pytest.fixture
async def world(tmp_path: Path, upstream: Upstream) -> AsyncIterator[World]:
    (tmp_path / "resolv.conf").write_text(f"nameserver {upstream.address}\n")
    tmp_path.chmod(0o711)
    upstream.asked.clear()
    made = World(tmp_path, upstream)
    with nothing_left(*words_of(made.instance)):
        yield made
        for vpc_id in await made.resolvers.read_resolvers():
            await made.resolvers.remove_resolver(vpc_id)
        for task_id in TASKS:
            await made.network.remove_eni(task_id)


async def test_names_of_the_vpc_are_known_at_both_addresses_by_both_protocols(world: World) -> None:
    netns = await world.join(1)
    for at in ("172.31.0.2", LINK_LOCAL_RESOLVER):
        for by in ("udp", "tcp"):
            assert look_up(netns, OWN, at=at, by=by) == "NOERROR 172.31.0.5"
    assert look_up(netns, "5.0.31.172.in-addr.arpa.", "PTR") == f"NOERROR {OWN}"
    assert look_up(netns, "ip-10-0-0-1.ec2.internal.") == "NXDOMAIN"
    assert world.upstream.asked == []


async def test_the_worlds_names_are_known_by_the_hosts_resolvers(world: World) -> None:
    netns = await world.join(1)
    assert look_up(netns, KNOWN) == "NOERROR 192.0.2.1"
    assert look_up(netns, KNOWN, by="tcp") == "NOERROR 192.0.2.1"
    assert world.upstream.asked == [("udp", KNOWN), ("tcp", KNOWN)]


async def test_an_answer_too_large_for_a_datagram_comes_by_tcp(world: World) -> None:
    netns = await world.join(1)
    assert look_up(netns, LARGE, "TXT") == "NOERROR TC"
    assert look_up(netns, LARGE, "TXT", by="tcp").count("x" * 200) == 20


async def test_another_resolver_is_asked_when_one_does_not_answer(world: World) -> None:
    (world.folder / "resolv.conf").write_text(f"nameserver 127.53.0.0\nnameserver {world.upstream.address}\n")
    assert look_up(await world.join(1), KNOWN) == "NOERROR 192.0.2.1"


async def test_who_is_answered_by_nobody_is_told_so(world: World) -> None:
    assert look_up(await world.join(1), MUTE, timeout_s=8) == "SERVFAIL"


async def test_what_one_vpc_knows_the_other_does_not(world: World) -> None:
    a, b = await world.join(1), await world.join(1, vpc="b")
    public = str(public_pool(world.instance).network_address + 9).replace(".", "-")
    name = f"ec2-{public}.compute-1.amazonaws.com."
    assert look_up(a, name) == "NOERROR 172.31.0.5"
    assert look_up(b, name) == "NOERROR 172.31.0.6"
    await world.resolvers.remove_resolver("vpc-b")
    assert look_up(b, OWN, by="tcp") == "refused"
    assert look_up(a, OWN) == "NOERROR 172.31.0.5"


async def test_the_host_and_its_lan_do_not_reach_it(world: World) -> None:
    await world.join(1)
    for at in (LINK_LOCAL_RESOLVER, "169.254.171.2", "172.31.0.2"):  # some host's own network may answer
        assert "172.31.0.5" not in look_up(None, OWN, at=at, timeout_s=0.5)


async def test_what_changes_is_known_with_the_next_question(world: World) -> None:
    netns = await world.join(1)
    before = await world.pid()
    await world.resolvers.ensure_resolver(replace(world.names("a"), has_hostnames=False))
    assert look_up(netns, OWN) == "NXDOMAIN"
    await world.resolvers.ensure_resolver(world.names("a"))
    assert look_up(netns, OWN) == "NOERROR 172.31.0.5"
    assert await world.pid() == before


async def test_without_dns_support_a_look_up_is_refused_at_once(world: World) -> None:
    netns = await world.join(1)
    await world.resolvers.ensure_resolver(replace(world.names("a"), has_support=False))
    assert look_up(netns, OWN, by="tcp") == "refused"


async def test_it_outlives_the_agent_and_is_replaced_when_it_dies(world: World) -> None:
    netns = await world.join(1)
    before = await world.pid()
    await world.make_resolvers().ensure_resolver(world.names("a"))
    assert await world.pid() == before
    os.kill(before, signal.SIGKILL)
    while await world.cgroups.read_processes("vpc-a"):
        await asyncio.sleep(0.01)
    await world.make_resolvers().ensure_resolver(world.names("a"))
    assert look_up(netns, OWN) == "NOERROR 172.31.0.5"


async def test_a_vpc_that_was_made_anew_gets_another(world: World) -> None:
    await world.join(1)
    before = await world.pid()
    await world.network.remove_eni(TASKS[0])
    netns = await world.join(1)
    assert await world.pid() != before
    assert look_up(netns, OWN) == "NOERROR 172.31.0.5"


async def test_it_has_no_privileges_and_bounds(world: World) -> None:
    netns = await world.join(1)
    look_up(netns, OWN)
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{await world.pid()}/status").read_text().splitlines()
        if ":\t" in line
    )
    assert status["Uid"].split() == status["Gid"].split() == [str(NOBODY)] * 4
    assert (status["CapEff"], status["CapPrm"], status["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")
    assert status["Groups"].strip() == ""
    assert int(status["VmRSS"].split()[0]) < 48 * 1024


async def test_who_floods_it_is_held_to_amazons_rate_and_takes_nothing_from_others(world: World) -> None:
    flooder, other = await world.join(1), await world.join(2)
    look_up(other, OWN)
    argv = ["nsenter", f"--net={flooder}", sys.executable, "-c", FLOOD, "20000"]
    flooding = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    assert await asyncio.to_thread(look_up, other, OWN) == "NOERROR 172.31.0.5"
    heard = int((await flooding.communicate())[0])
    assert 0 < heard < LOOK_UPS_PER_S * 8
