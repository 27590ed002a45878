"""The list behind `bastide doctor`: every probe, and what to do about each failure."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from bastide.cli.commands import say
from bastide.cli.doctor import probes
from bastide.config import Settings
from bastide.model.faults import Fault

KERNEL = "The kernel refuses. In a container: run it privileged. Elsewhere: is the module there?"
TOLD = ("folder", "port", "runtime parts")  # what our own faults say already
PACKAGES = {  # what brings each program on Debian
    "busybox": "busybox-static",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "mount": "mount",
    "nft": "nftables",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}


@dataclass(frozen=True)
class Probe:
    """One thing that must work, what to do when it does not, and the programs it takes."""

    name: str
    do: Callable[[Settings], Coroutine[None, None, str]]
    advice: str
    programs: tuple[str, ...] = ()


PROBES = (
    Probe("clock", probes.probe_clock, "Set the clock: timedatectl set-ntp true, or date -s."),
    Probe("disk space", probes.probe_space, "Free space, or set data_root to a larger disk: --data-root."),
    Probe("ports", probes.probe_ports, "Choose others: --port, --metrics-port, or the settings file."),
    Probe("server user", probes.probe_user, "Install Debian's python3 and passwd packages.", ("setpriv",)),
    Probe("namespace", probes.probe_namespace, f"{KERNEL} CONFIG_NET_NS must be on.", ("unshare",)),
    Probe("veth", probes.probe_veth, f"{KERNEL} modprobe veth", ("ip", "unshare")),
    Probe("nft rule", probes.probe_rules, f"{KERNEL} modprobe nf_tables", ("nft", "unshare")),
    Probe(
        "loop filesystem",
        probes.probe_disk,
        f"{KERNEL} modprobe -a loop ext4 overlay",
        ("mkfs.ext4", "mount"),
    ),
    Probe("cgroup", probes.probe_cgroup, "Mount the cgroup hierarchy writable, with cpu, memory and pids."),
    Probe(
        "network", probes.probe_network, f"{KERNEL} modprobe -a veth nf_tables nft_chain_nat nft_ct", ("nft",)
    ),
    Probe(
        "sandbox",
        probes.probe_sandbox,
        "Run tools/setup again: it looks for runtime parts that work here. Where gVisor cannot run at all:"
        " docs/runtime-classes.md.",
        ("busybox",),
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
            say(f"FAILED  {str(error) or type(error).__name__}")
            if advice := advise(probe, error):
                say(f"{'':18}do: {advice}")
        else:
            say(f"ok      {said}")
    say(f"\n{failures} of {len(PROBES)} failed." if failures else "\nThis machine can run tasks.")
    return failures


def advise(probe: Probe, error: Exception) -> str:
    """What to do about the failure: what is surely wrong, else what most likely is; nothing if it says so."""
    if isinstance(error, Fault) and error.noun in TOLD:
        return ""
    if missing := [name for name in probe.programs if shutil.which(name) is None]:
        return f"Install {', '.join(missing)}: apt-get install {' '.join(PACKAGES[name] for name in missing)}"
    if any(word in str(error) for word in ("No space left", "not enough space", "Disk quota exceeded")):
        return "Free space on this disk, or choose another: --data-root."
    return probe.advice
