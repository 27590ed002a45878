"""Frames made by hand and put on a task's own link: no neighbour sees them.

They are sent from the task's namespace, below the sandbox's own network: whoever breaks that can do no more.
"""

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bastide.model.network import eni_link
from tests.contract.network.crafting import PATIENCE_S, SILENCE_S, inside, ipv4
from tests.contract.network_world import make_eni, make_network, run_inside, words_of
from tests.real_host import instance_name, nothing_left, require_root

pytestmark = pytest.mark.real
LIAR, VICTIM, OTHER = make_eni(1), make_eni(2), make_eni(3)
TASKS = ["a" * 32, "b" * 32, "c" * 32]
IPV4, IPV6, VLAN, SERVICE_VLAN = 0x0800, 0x86DD, 0x8100, 0x88A8
BROADCAST = "ff:ff:ff:ff:ff:ff"
MORE, LATER = 0x2000, 0x0002  # more fragments come; 16 bytes from the start
EVERY_FRAME = 0x0003  # ETH_P_ALL


def frame(to: str, payload: bytes, *, kind: int = IPV4, sender: str = LIAR.mac) -> bytes:
    return bytes.fromhex((to + sender).replace(":", "")) + struct.pack("!H", kind) + payload


def datagram(word: bytes, *, source: str = LIAR.private_ip, fragment: int = 0) -> bytes:
    """A UDP datagram to the victim without checksum; `fragment`: its flags and offset."""
    udp = struct.pack("!HHHH", 4000, 9, 8 + len(word), 0) + word
    whole = ipv4(source, VICTIM.private_ip, 17, udp, number=7)
    if not fragment:
        return whole
    head = whole[:6] + struct.pack("!H", fragment) + whole[8:10] + b"\0\0" + whole[12:20]
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + whole[20:]


def tagged(vlan: int, inner: bytes, *, kind: int = IPV4) -> bytes:
    return struct.pack("!HH", vlan, kind) + inner


def ipv6(word: bytes, *, to: str) -> bytes:
    udp = struct.pack("!HHHH", 4000, 9, 8 + len(word), 0) + word
    ends = socket.inet_pton(socket.AF_INET6, "fe80::1") + socket.inet_pton(socket.AF_INET6, to)
    return struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + ends + udp


def crafted(router: str) -> Iterator[tuple[bytes, bytes]]:
    """By the word they carry."""
    for number, to in enumerate((router, VICTIM.mac, BROADCAST)):
        end = str(number).encode()
        yield b"vlan" + end, frame(to, tagged(5, datagram(b"vlan" + end)), kind=VLAN)
        twice = tagged(0, tagged(5, datagram(b"twice" + end)), kind=VLAN)
        yield b"twice" + end, frame(to, twice, kind=SERVICE_VLAN)
        priority = tagged(0, datagram(b"priority" + end, source=OTHER.private_ip))
        yield b"priority" + end, frame(to, priority, kind=VLAN)
        yield b"six" + end, frame(to, ipv6(b"six" + end, to="ff02::1"), kind=IPV6)
        yield b"link" + end, frame(to, ipv6(b"link" + end, to="fe80::2"), kind=IPV6)
        yield b"forged" + end, frame(to, datagram(b"forged" + end, source=OTHER.private_ip))
        yield b"as-other" + end, frame(to, datagram(b"as-other" + end), sender=OTHER.mac)
        yield b"later" + end, frame(to, datagram(b"later" + end, fragment=LATER))
        broken = datagram(b"first" + end, source=OTHER.private_ip, fragment=MORE)
        yield b"first" + end, frame(to, broken)
    yield b"bridged", frame(VICTIM.mac, datagram(b"bridged"))


async def test_no_crafted_frame_reaches_a_neighbour(tmp_path: Path) -> None:
    require_root("nft", "ip", "nsenter")
    instance = instance_name("n")
    with nothing_left(*words_of(instance)):
        network = make_network(instance, tmp_path)
        paths = [
            Path(await network.ensure_eni(eni, task_id=task))
            for eni, task in zip((LIAR, VICTIM, OTHER), TASKS, strict=True)
        ]
        shown = run_inside(
            network.network.router_path("vpc-a"), "ip", "-o", "link", "show", eni_link(TASKS[0])
        )
        router = shown.split("link/ether ")[1].split()[0]
        frames = dict(crafted(router))
        with inside(paths[1], tap) as hearing, inside(paths[2], tap) as other, inside(paths[0], tap) as line:
            for each in frames.values():
                line.send(each)
            line.send(frame(router, datagram(b"honest")))
            heard = collect(hearing, until=b"honest")
            assert b"honest" in heard
            assert [word for word in frames if word in heard or word in collect(other)] == []
        for task in TASKS:
            await network.remove_eni(task)


def tap() -> socket.socket:
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_FRAME))
    line.bind(("eth0", EVERY_FRAME))
    line.setblocking(False)
    return line


def collect(line: socket.socket, *, until: bytes = b"") -> bytes:
    """All that came in, after a while of silence behind what had to come."""
    heard, deadline = b"", time.monotonic() + (PATIENCE_S if until else 0)
    while True:
        time.sleep(SILENCE_S)
        while True:
            try:
                heard += line.recv(2048)
            except BlockingIOError:
                break
        if until in heard or time.monotonic() > deadline:
            return heard


def _checksum(head: bytes) -> int:
    total: int = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
