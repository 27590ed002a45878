"""VPCs, interfaces and small talk for the tests of the real network: who hears whom, decided by packets."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from bastide.host import names
from bastide.host.network import VpcNetwork
from bastide.host.network.netns import is_netns
from bastide.model.assignment import Eni
from bastide.model.network import mac_of, private_dns_name, public_pool
from bastide.plan import firewall
from tests.host_snapshot import take_snapshot
from tests.vpcs import Told

VPC_CIDR = "172.31.0.0/16"  # the same for every VPC here, on purpose
SUBNETS = ("172.31.0.0/20", "172.31.16.0/20")
PORT = 8080
REPLY_TIMEOUT_S = 5.0
SILENCE_S = 0.7  # a local packet takes well below a millisecond
ANSWERER = """
import socket, sys
server = socket.create_server(("", int(sys.argv[1])), backlog=16)
print("ready", flush=True)
while True:
    peer, address = server.accept()
    peer.sendall(f"{sys.argv[2]} heard {address[0]}".encode())
    peer.close()
"""
ASKER = """
import socket, sys
source = (sys.argv[4], 0) if sys.argv[4] else None
try:
    to, timeout_s = (sys.argv[1], int(sys.argv[2])), float(sys.argv[3])
    peer = socket.create_connection(to, timeout=timeout_s, source_address=source)
    print(peer.recv(200).decode())
except ConnectionRefusedError:
    print("refused")
except OSError as error:
    print("nothing")
"""


class OpenNetwork(Told[VpcNetwork]):
    """The real network; what it is asked to make, it knows of, and all of it is open."""

    def router_path(self, vpc_id: str) -> Path:
        return self.network.router_path(vpc_id)

    async def ensure_endpoint(self, vpc_id: str, eni_id: str) -> str:
        return await self.network.ensure_endpoint(vpc_id, eni_id)

    async def remove_endpoint(self, eni_id: str) -> None:
        await self.network.remove_endpoint(eni_id)

    async def read_endpoints(self) -> set[str]:
        return await self.network.read_endpoints()


def make_network(instance: str, folder: Path) -> OpenNetwork:
    """The real network, in folders of the test's."""
    made = VpcNetwork(instance, folder=folder / "netns", pool=public_pool(instance), firewall=firewall)
    return OpenNetwork(made)


def words_of(instance: str) -> tuple[str, ...]:
    """What every line of a snapshot that is this instance's own has in it."""
    pool = str(public_pool(instance).network_address).rpartition(".")[0] + "."
    return (instance, names.transit_prefix(instance), pool)


def make_eni(number: int, *, vpc: str = "a", subnet: int = 0, public: bool = False) -> Eni:
    """The number-th interface of a subnet; its public address comes from the pool of `instance_name("n")`."""
    from tests.real_host import instance_name

    cidr = IPv4Network(SUBNETS[subnet])
    address = str(cidr.network_address + 4 + number)
    pool = public_pool(instance_name("n"))
    offset = 2 + number + (100 if vpc == "b" else 0)
    return Eni(
        id=f"eni-{vpc}{subnet}{number}",
        mac=mac_of(f"eni-{vpc}{subnet}{number}"),
        private_ip=address,
        subnet_id=f"subnet-{subnet}",
        subnet_cidr=str(cidr),
        vpc_id=f"vpc-{vpc}",
        vpc_cidr=VPC_CIDR,
        hostname=private_dns_name(address, "us-east-1"),
        public_ip=str(pool.network_address + offset) if public else None,
    )


@contextmanager
def answering(netns: str | None, name: str, *, port: int = PORT) -> Iterator[None]:
    """Somebody in the namespace (None: the host) who tells every caller whom it heard."""
    argv = [*_inside(netns), sys.executable, "-c", ANSWERER, str(port), name]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.kill()


def ask(netns: str | None, address: str, *, port: int = PORT) -> str:
    """What is heard from the address: the answer, "refused" or "nothing"."""
    return _ask(netns, address, port, REPLY_TIMEOUT_S, "")


def is_silent(netns: str | None, address: str, *, port: int = PORT, source: str = "") -> bool:
    """Whether nothing is to be heard from the address."""
    return _ask(netns, address, port, SILENCE_S, source) in ("refused", "nothing")


def _ask(netns: str | None, address: str, port: int, timeout_s: float, source: str) -> str:
    argv = [*_inside(netns), sys.executable, "-c", ASKER, address, str(port), str(timeout_s), source]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def run_inside(netns: str | Path | None, *argv: str) -> str:
    """What the program prints, run in the namespace."""
    return subprocess.run([*_inside(netns), *argv], check=True, capture_output=True, text=True).stdout


def describe(instance: str, folder: Path) -> str:
    """The instance's network as text: the host's part, and what is in each of its namespaces."""
    parts = [take_snapshot(words_of(instance))]
    for path in sorted((folder / "netns").glob("*")) if (folder / "netns").exists() else ():
        parts.append(f"namespace {path.name}")
        assert is_netns(path), path
        for argv in (
            ("ip", "-oneline", "-4", "address"),
            ("ip", "route"),
            ("ip", "neighbour", "show", "nud", "permanent"),
            ("nft", "--stateless", "list", "ruleset"),
        ):
            parts.extend(sorted(line.split(" valid_lft")[0] for line in run_inside(path, *argv).splitlines()))
    return "\n".join(parts)


def _inside(netns: str | Path | None) -> list[str]:
    return ["nsenter", f"--net={netns}"] if netns else []
