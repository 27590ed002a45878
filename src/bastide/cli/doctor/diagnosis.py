"""The list behind `bastide doctor`: every probe, and what to do about each failure."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from bastide.cli.commands import say
from bastide.cli.doctor import probes
from bastide.config import Settings

MODULES = "The kernel refuses. In a container: run it privileged. Elsewhere: is the module there? modprobe"


@dataclass(frozen=True)
class Probe:
    """One thing that must work, and what to do when it does not."""

    name: str
    do: Callable[[Settings], Coroutine[None, None, str]]
    advice: str


PROBES = (
    Probe("clock", probes.probe_clock, "Set the clock: timedatectl set-ntp true, or date -s."),
    Probe("disk space", probes.probe_space, "Free space, or set data_root to a larger disk."),
    Probe("ports", probes.probe_ports, "Choose others: --port, --metrics-port, or the settings file."),
    Probe("server user", probes.probe_user, "Install Debian's python3 and passwd packages."),
    Probe("namespace", probes.probe_namespace, f"{MODULES} is not needed: CONFIG_NET_NS must be on."),
    Probe("veth", probes.probe_veth, f"{MODULES} veth. Is iproute2 installed?"),
    Probe("nft rule", probes.probe_rules, f"{MODULES} nf_tables. Is nftables installed?"),
    Probe("loop filesystem", probes.probe_disk, f"{MODULES} loop ext4 overlay. Is e2fsprogs installed?"),
    Probe("cgroup", probes.probe_cgroup, "Mount the cgroup hierarchy writable, with cpu, memory and pids."),
    Probe("network", probes.probe_network, f"{MODULES} veth nf_tables nft_chain_nat nft_ct."),
    Probe(
        "sandbox", probes.probe_sandbox, "Run tools/setup again: it looks for runtime parts that work here."
    ),
)


def diagnose(settings: Settings) -> int:
    """Run every probe and say what was seen; how many failed."""
    failures = 0
    for probe in PROBES:
        print(f"  {probe.name:<16}", end="", flush=True)
        try:
            said = asyncio.run(probe.do(settings))
        except Exception as error:  # whatever it is, the next probe is worth doing
            failures += 1
            say(f"FAILED  {str(error) or type(error).__name__}\n{'':18}do: {probe.advice}")
        else:
            say(f"ok      {said}")
    say(f"\n{failures} of {len(PROBES)} failed." if failures else "\nThis machine can run tasks.")
    return failures
