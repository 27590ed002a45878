"""A VPC of many interfaces and groups: what a change of rules costs, and what the rules cost the packets.

    python -m benchmarks.network [--rounds N]

Stands alone: namespaces and links as the agent makes them, without tasks, in an instance of its own.
"""

import argparse
import asyncio
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from ipaddress import IPv4Network
from pathlib import Path

from msgspec.structs import replace

from bastide.host.network import VpcNetwork
from bastide.model.assignment import Eni
from bastide.model.network import (
    AclEntry,
    Address,
    AnyPart,
    Interface,
    NetworkAcl,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Traffic,
    Vpc,
    assemble_vpcs,
    mac_of,
    public_pool,
)
from bastide.plan import firewall
from benchmarks.cables import FAR, plain_pair, routed_pair
from benchmarks.figures import Figure, figure, ratio, render_table
from benchmarks.machine import read_machine
from benchmarks.traffic import COUNTER, PORT, PROBED_PORT, PULSE, Probe, inside, measure, receiving

INSTANCE = "bnet"
VPC, SUBNETS = "vpc-0b0b0b0b0b0b0b0b0", 4
GROUPS, INTERFACES, MANY = 50, 200, 1000
CHANGES = 100
TIMES = 20  # of each kind of change
SETTLED_S = 0.3  # after a change of all the rules: the kernel takes the old ones apart behind our back
ROUNDS = 11
TCP, UDP = 6, 17


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.network")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each kind of traffic")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)  # that somebody flushes the rules is meant here
    print(read_machine(), flush=True)
    for part in measure_network(rounds=asked.rounds):
        print(f"\n{render_table(part)}", flush=True)
    return 0


def measure_network(*, rounds: int) -> Iterator[list[Figure]]:
    """The figures, part by part."""
    folder = Path(tempfile.mkdtemp(prefix=f"bastide-{INSTANCE}-", dir="/var/tmp"))
    network = VpcNetwork(INSTANCE, folder=folder, pool=public_pool(INSTANCE), firewall=firewall)
    try:
        with asyncio.Runner() as runner:
            yield from _measure(runner, network, rounds=rounds)
    finally:
        asyncio.run(remove_all(network))
        shutil.rmtree(folder)


def _measure(runner: asyncio.Runner, network: VpcNetwork, *, rounds: int) -> Iterator[list[Figure]]:
    parts = make_parts(INTERFACES)
    before = _kernel_mib()
    network.know(assemble_vpcs(parts.values()))
    paths = runner.run(make_interfaces(network, parts, INTERFACES))
    memory = figure(f"kernel memory of {INTERFACES} interfaces", "MiB", [_kernel_mib() - before])
    yield [memory, *_measure_changes(runner, network, parts), *_measure_effect(runner, network, parts, paths)]
    yield [_measure_loss(runner, network, parts, paths)]
    yield _measure_packets(runner, network, paths, rounds=rounds)


def _measure_changes(
    runner: asyncio.Runner, network: VpcNetwork, parts: Mapping[str, AnyPart]
) -> list[Figure]:
    rule = SecurityGroupRule(
        id="sgr-x", group_id="sg-7", is_egress=False, traffic=_tcp(8443), cidr="10.0.0.0/8"
    )
    member = parts["eni-3"]
    assert isinstance(member, Interface)
    regrouped = replace(member, group_ids=("sg-1", "sg-2"))
    one_more = replace(member, id="eni-new", addresses=(Address("10.0.3.250"),), task_id="e" * 32)
    changes: dict[str, dict[str, AnyPart]] = {
        "one rule of a group": {"sgr-x": rule},
        "other groups of an interface": {"eni-3": regrouped},
        "one more interface": {"eni-new": one_more},
    }
    return [
        figure(f"{name}, and a look at everything", "ms", _time(runner, network, parts, more))
        for name, more in changes.items()
    ]


def _time(
    runner: asyncio.Runner, network: VpcNetwork, parts: Mapping[str, AnyPart], more: Mapping[str, AnyPart]
) -> list[float]:
    """Milliseconds until the VPC is as it should be and was looked through for damage, there and back."""
    samples = []
    for number in range(TIMES):
        begun = time.perf_counter()
        network.know(assemble_vpcs(({**parts, **more} if number % 2 == 0 else parts).values()))
        runner.run(network.ensure_vpc(VPC))
        samples.append((time.perf_counter() - begun) * 1000)
    return samples


def _measure_effect(
    runner: asyncio.Runner, network: VpcNetwork, parts: Mapping[str, AnyPart], paths: Sequence[Path]
) -> list[Figure]:
    """From the parts' arrival to the first new flow they let through, and to the last they did not stop."""
    opened = Traffic(protocol=UDP, first=PROBED_PORT, last=PROBED_PORT)
    rule = SecurityGroupRule(id="sgr-x", group_id="sg-3", is_egress=False, traffic=opened, cidr="10.0.0.0/8")
    member = parts["eni-3"]
    assert isinstance(member, Interface)
    changes: dict[str, AnyPart] = {
        "one rule of a group": rule,
        "other groups of an interface": replace(member, group_ids=("sg-1", "sg-2")),
    }
    figures = []
    for name, more in changes.items():
        probe = Probe(paths[0], paths[3], address_of(3))
        samples: dict[bool, list[float]] = {True: [], False: []}
        for opens in (True, False) * TIMES:
            begun = time.monotonic()
            network.know(assemble_vpcs(({**parts, more.id: more} if opens else parts).values()))
            runner.run(network.ensure_vpc(VPC))
            samples[opens].append(probe.effect_ms(begun, opens=opens))
        probe.close()
        figures += [
            figure(f"{name} opens a port: until a new flow passes", "ms", samples[True]),
            figure(f"{name} closes it: until none does", "ms", samples[False]),
        ]
    return figures


def _measure_loss(
    runner: asyncio.Runner,
    network: VpcNetwork,
    parts: Mapping[str, AnyPart],
    paths: Sequence[Path],
) -> Figure:
    """Datagrams that did not arrive while rules were changed."""
    counter = inside(paths[1], COUNTER, PORT)
    pulse = inside(paths[0], PULSE, address_of(1), PORT)
    for number in range(CHANGES):
        port = _tcp(2000 + number)
        rule = SecurityGroupRule(
            id="sgr-x", group_id=f"sg-{number % GROUPS}", is_egress=False, traffic=port, cidr="10.0.0.0/8"
        )
        network.know(assemble_vpcs({**parts, "sgr-x": rule}.values()))
        runner.run(network.ensure_vpc(VPC))
    sent, _ = pulse.communicate()
    seen, _ = counter.communicate(timeout=10)
    return figure(f"datagrams of {int(sent)} lost in {CHANGES} changes", "", [int(sent) - int(seen)])


def _measure_packets(
    runner: asyncio.Runner, network: VpcNetwork, paths: Sequence[Path], *, rounds: int
) -> list[Figure]:
    """Two interfaces by the rules of few and of many and by none, and what they are compared with."""

    def ruled(count: int) -> None:
        network.know(assemble_vpcs(make_parts(count).values()))
        runner.run(network.ensure_vpc(VPC))

    def bare() -> None:
        router = network.router_path(VPC)
        subprocess.run(["nsenter", f"--net={router}", "nft", "flush", "ruleset"], check=True)

    with ExitStack() as opened:
        (near, far), (behind, beyond) = map(opened.enter_context, (plain_pair(), routed_pair()))
        for receiver in (far, beyond, paths[1]):
            opened.enter_context(receiving(receiver))
        sides: dict[str, tuple[Callable[[], None], Path, str]] = {
            "plain pair": (lambda: None, near, FAR),
            "routed pair": (lambda: None, behind, FAR),
            "10 interfaces": (lambda: ruled(10), paths[0], address_of(1)),
            f"{MANY} interfaces": (lambda: ruled(MANY), paths[0], address_of(1)),
            "rules flushed": (bare, paths[0], address_of(1)),
        }
        samples: dict[str, list[Sequence[float]]] = {what: [] for what in sides}
        for _ in range(rounds):
            for what, (prepare, sender, address) in sides.items():
                prepare()
                time.sleep(SETTLED_S)
                samples[what].append(measure(sender, address))
    return _compare(samples)


def _compare(samples: Mapping[str, Sequence[Sequence[float]]]) -> list[Figure]:
    named = (("throughput", "Gbit/s"), ("round trip", "µs"), ("new connection", "µs"))
    sides = {
        what: [
            figure(f"{name}, {what}", unit, column)
            for (name, unit), column in zip(named, zip(*rows, strict=True), strict=True)
        ]
        for what, rows in samples.items()
    }
    pairs = (
        ("10 interfaces", "plain pair"),
        ("10 interfaces", "routed pair"),
        ("10 interfaces", "rules flushed"),
        (f"{MANY} interfaces", "10 interfaces"),
    )
    ratios = [
        ratio(f"{name}, {over} over {under}", one, other)
        for over, under in pairs
        for (name, _), one, other in zip(named, sides[over], sides[under], strict=True)
    ]
    return [one for figures in sides.values() for one in figures] + ratios


def make_parts(interfaces: int) -> dict[str, AnyPart]:
    """So many interfaces, each in two of the groups; every group lets itself and the nine after it in."""
    parts: list[AnyPart] = [Vpc(id=VPC, cidrs=("10.0.0.0/16",))]
    parts += [Subnet(id=f"subnet-{n}", vpc_id=VPC, cidr=f"10.0.{n * 4}.0/22") for n in range(SUBNETS)]
    opened = (AclEntry(number=100, allows=True, cidr="0.0.0.0/0"),)
    parts.append(NetworkAcl(id="acl-1", vpc_id=VPC, is_default=True, ingress=opened, egress=opened))
    for n in range(GROUPS):
        parts.append(SecurityGroup(id=f"sg-{n}", vpc_id=VPC))
        parts.append(
            SecurityGroupRule(id=f"sgr-{n}-out", group_id=f"sg-{n}", is_egress=True, cidr="0.0.0.0/0")
        )
        parts += [
            SecurityGroupRule(
                id=f"sgr-{n}-{k:02}",
                group_id=f"sg-{n}",
                is_egress=False,
                traffic=Traffic() if k == 9 else _tcp(3000 + k),
                peer_group_id=f"sg-{(n + k - 1) % GROUPS}",
            )
            for k in range(1, 11)
        ]
    parts += [_interface(n) for n in range(interfaces)]
    return {part.id: part for part in parts}


def _interface(n: int) -> Interface:
    return Interface(
        id=f"eni-{n}",
        vpc_id=VPC,
        subnet_id=f"subnet-{n % SUBNETS}",
        mac=mac_of(f"{INSTANCE}{n}"),
        addresses=(Address(address_of(n)),),
        group_ids=(f"sg-{n % GROUPS}", f"sg-{(n + 9) % GROUPS}"),
        task_id=task_of(n),
    )


def task_of(n: int) -> str:
    """Whose the n-th interface is."""
    return f"{n:012x}{0:020x}"


def address_of(n: int) -> str:
    """Of the n-th interface."""
    return str(IPv4Network(f"10.0.{n % SUBNETS * 4}.0/22")[4 + n // SUBNETS])


def _tcp(port: int) -> Traffic:
    return Traffic(protocol=TCP, first=port, last=port)


async def make_interfaces(network: VpcNetwork, parts: Mapping[str, AnyPart], count: int) -> list[Path]:
    """The namespaces of the first so many."""
    made = []
    for n in range(count):
        interface = parts[f"eni-{n}"]
        subnet = parts[f"subnet-{n % SUBNETS}"]
        assert isinstance(interface, Interface) and isinstance(subnet, Subnet)
        eni = Eni(
            id=interface.id,
            mac=interface.mac,
            private_ip=address_of(n),
            subnet_id=subnet.id,
            subnet_cidr=subnet.cidr,
            vpc_id=VPC,
            vpc_cidr="10.0.0.0/16",
            hostname="",
        )
        made.append(Path(await network.ensure_eni(eni, task_id=interface.task_id)))
    return made


async def remove_all(network: VpcNetwork) -> None:
    """Every interface, and with the last one the rest."""
    for task_id in await network.read_enis():
        await network.remove_eni(task_id)


def _kernel_mib() -> float:
    """What the kernel holds for itself, as /proc/meminfo counts it."""
    time.sleep(1)
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    counted = {name.rstrip(":"): int(kib) for name, kib, *_ in lines}
    return (
        sum(counted[name] for name in ("Slab", "Percpu", "VmallocUsed", "KernelStack", "PageTables")) / 1024
    )


if __name__ == "__main__":
    sys.exit(main())
