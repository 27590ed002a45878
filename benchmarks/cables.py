"""What the traffic of two tasks is compared with: two namespaces on one cable, and two with a router between.

The second is what a packet's way costs by itself when nothing on it is asked.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MTU = 9001
FAR = "10.9.1.2"  # the address of the second namespace, either way
_DIRECT = f"""
ip link add eth0 mtu {MTU} type veth peer name eth0 mtu {MTU} netns FAR
ip address add 10.9.1.1/24 dev eth0; ip link set eth0 up
nsenter --net=FAR ip address add {FAR}/24 dev eth0; nsenter --net=FAR ip link set eth0 up
"""
_ROUTED = f"""
ip link add eth0 mtu {MTU} type veth peer name near mtu {MTU} netns BETWEEN
ip address add 10.9.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.9.0.1
nsenter --net=BETWEEN sh -ec "
    ip link add far mtu {MTU} type veth peer name eth0 mtu {MTU} netns FAR
    ip address add 10.9.0.1/24 dev near; ip link set near up
    ip address add 10.9.1.1/24 dev far; ip link set far up
    echo 1 > /proc/sys/net/ipv4/ip_forward"
nsenter --net=FAR sh -ec "
    ip address add {FAR}/24 dev eth0; ip link set eth0 up; ip route add default via 10.9.1.1"
"""


@contextmanager
def plain_pair() -> Iterator[tuple[Path, Path]]:
    """Two namespaces and nothing between them but a cable."""
    with _joined(_DIRECT) as ends:
        yield ends


@contextmanager
def routed_pair() -> Iterator[tuple[Path, Path]]:
    """Two namespaces, a cable from each to a third that routes, with no rule in it."""
    with _joined(_ROUTED) as ends:
        yield ends


@contextmanager
def _joined(script: str) -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        near, between, far = paths = [Path(folder, name) for name in ("near", "between", "far")]
        for path in paths:
            path.touch()
            subprocess.run(["unshare", f"--net={path}", "true"], check=True)
        try:
            named = script.replace("FAR", str(far)).replace("BETWEEN", str(between))
            subprocess.run(["nsenter", f"--net={near}", "sh", "-ec", named], check=True)
            yield near, far
        finally:
            for path in paths:
                subprocess.run(["umount", path], check=True)
