"""How long damage to a VPC's network lasts, by what is taken away: an agent's own looks mend it.

    python -m benchmarks.damage

In the network of `benchmarks.network`, whose VPC has 200 interfaces; 20 of them are made here.
"""

import asyncio
import logging
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bastide.agent.network.vpcs import Vpcs
from bastide.host import names
from bastide.host.network import VpcNetwork
from bastide.model.network import eni_link, public_pool
from bastide.plan import firewall
from benchmarks.figures import Figure, figure, render_table
from benchmarks.network import (
    INSTANCE,
    INTERFACES,
    VPC,
    address_of,
    make_interfaces,
    make_parts,
    remove_all,
    task_of,
)

MADE, TIMES = 20, 5
GIVEN_UP_S = 30.0
LOOK_S = 0.02
WAIT_MAX_S = 2.0  # between an agent's looks: damage comes at any moment between two


def main() -> int:
    """The program."""
    logging.basicConfig(level=logging.ERROR)  # that somebody changes the rules is meant here
    folder = Path(tempfile.mkdtemp(prefix=f"bastide-{INSTANCE}-", dir="/var/tmp"))
    try:
        print(render_table(asyncio.run(_measure(folder))))
    finally:
        shutil.rmtree(folder)
    return 0


async def _measure(folder: Path) -> list[Figure]:
    network = VpcNetwork(INSTANCE, folder=folder, pool=public_pool(INSTANCE), firewall=firewall)
    parts = make_parts(INTERFACES)
    vpcs = Vpcs(network, wake=lambda _: None)
    vpcs.take(parts.values(), ())
    vpcs.sync(parts)
    figures = []
    try:
        await make_interfaces(network, parts, MADE)
        router = network.router_path(VPC)
        keeping = asyncio.create_task(vpcs.run())
        for what, netns, damage, check in _cases(router, task_of(3), address_of(3)):
            samples = []
            for _ in range(TIMES):
                await asyncio.sleep(random.uniform(0, WAIT_MAX_S))
                samples.append(await asyncio.to_thread(_lasting_s, netns, damage, check))
            figures.append(figure(f"{what}, until it is mended", "s", samples))
        keeping.cancel()
    finally:
        await remove_all(network)
    return figures


def _cases(router: Path, task_id: str, ip: str) -> Iterator[tuple[str, Path | None, str, str]]:
    """What is taken away, where, by which command, and what finds it once it is there again."""
    link, transit = eni_link(task_id), names.transit_link(INSTANCE, VPC)
    table = names.host_table(INSTANCE)
    neighbour = f"ip neighbour show dev {link} nud permanent | grep {ip}"
    yield (
        "a chain's rules",
        router,
        "nft flush chain inet vpc forward",
        "nft list chain inet vpc forward | grep vmap",
    )
    element = f"nft delete element inet vpc ingress '{{ \"{link}\" }}'"
    yield "an element of a map", router, element, f"nft list map inet vpc ingress | grep {link}"
    yield "all rules of the router", router, "nft flush ruleset", "nft list ruleset | grep 'hook forward'"
    yield "the host's table", None, f"nft delete table inet {table}", f"nft list tables | grep {table}"
    yield "a route", router, f"ip route del {ip}", f"ip route | grep '^{ip} '"
    away = "ip address del 10.0.0.1/32 dev lo"
    yield "an address of the router", router, away, "ip address show dev lo | grep 10.0.0.1/32"
    yield "a neighbour", router, f"ip neighbour del {ip} dev {link}", neighbour
    yield "a sysctl", router, "sysctl -qw net.ipv4.ip_forward=0", "sysctl -n net.ipv4.ip_forward | grep 1"
    yield "a link that is set down", router, f"ip link set {link} down", f"ip route | grep '^{ip} '"
    yield "a task's link", router, f"ip link del {link}", neighbour
    yield "the link to the host", None, f"ip link del {transit}", f"ip address show dev {transit} | grep inet"
    lost = f"umount -l {router} && rm {router}"
    yield "a namespace's mount", None, lost, f"nsenter --net={router} nft list ruleset | grep 'hook forward'"


def _lasting_s(netns: Path | None, damage: str, check: str) -> float:
    _run(netns, damage, is_checked=True)
    begun = time.monotonic()
    while not _run(netns, check, is_checked=False):
        if time.monotonic() - begun > GIVEN_UP_S:
            raise TimeoutError(f"not mended: {damage}")
        time.sleep(LOOK_S)
    return time.monotonic() - begun


def _run(netns: Path | None, script: str, *, is_checked: bool) -> bool:
    """Whether it ended well."""
    argv = [*(["nsenter", f"--net={netns}"] if netns else []), "sh", "-c", script]
    return subprocess.run(argv, check=is_checked, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
