"""IPv4 packets made by hand and sent, and seen where they arrive: no kernel's manners in between."""

import os
import socket
import struct
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TypeVar

from bastide.host import syscalls

T = TypeVar("T")
PATIENCE_S = 2.0  # for what must arrive; a local packet takes well below a millisecond
SILENCE_S = 0.15  # for what must not, counted from the last one that had to
SYN = 2


def inside(netns: Path | None, work: Callable[[], T]) -> T:
    """Do `work` in the namespace; sockets made there stay there."""
    made: list[T] = []

    def enter() -> None:
        if netns is not None:
            descriptor = os.open(netns, os.O_RDONLY)
            syscalls.setns(descriptor, syscalls.CLONE_NEWNET)
            os.close(descriptor)
        made.append(work())

    thread = Thread(target=enter)
    thread.start()
    thread.join()
    return made[0]


def ipv4(source: str, destination: str, protocol: int, payload: bytes, *, number: int) -> bytes:
    """The packet; `number` is its identification, by which it is known again."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), number, 0, 64, protocol, 0)
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    checksum = _checksum(head + ends)
    return head[:10] + struct.pack("!H", checksum) + ends + payload


def transport(source: str, destination: str, protocol: int, *, ports: tuple[int, int]) -> bytes:
    """A TCP SYN, a UDP datagram, an ICMP echo request (its id is the first port), or a few bytes."""
    if protocol == 1:
        echo = struct.pack("!BBHHH", 8, 0, 0, ports[0], 1)
        return echo[:2] + struct.pack("!H", _checksum(echo)) + echo[4:]
    if protocol not in (6, 17):
        return bytes(4)
    if protocol == 17:
        segment, at = struct.pack("!HHHH", *ports, 8, 0), 6
    else:
        segment, at = struct.pack("!HHIIBBHHH", *ports, 1000, 0, 5 << 4, SYN, 1024, 0, 0), 16
    pseudo = (
        socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!HH", protocol, len(segment))
    )
    return segment[:at] + struct.pack("!H", _checksum(pseudo + segment)) + segment[at + 2 :]


def send(netns: Path | None, *packets: bytes) -> None:
    """Hand packets to the namespace's kernel as they are; one that has no route is lost."""

    def out() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for packet in packets:
                try:
                    raw.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
                except OSError:
                    continue

    inside(netns, out)


class Sniffer:
    """Sees which packets come in by the links of some namespaces, by their identification."""

    def __init__(self, places: Mapping[str, tuple[Path | None, str]]) -> None:
        self._lines = {name: inside(netns, partial(_tap, link)) for name, (netns, link) in places.items()}
        self.seen: dict[str, set[int]] = {name: set() for name in places}

    def wait(self, wanted: Collection[tuple[str, int]]) -> None:
        """Look until all of these have come, and a little longer for what should not."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(number in self.seen[name] for name, number in wanted) and time.monotonic() < deadline:
            self._look()
            time.sleep(0.005)
        time.sleep(SILENCE_S)
        self._look()

    def close(self) -> None:
        """Look no longer."""
        for line in self._lines.values():
            line.close()

    def _look(self) -> None:
        for name, line in self._lines.items():
            while True:
                try:
                    packet, address = line.recvfrom(2048)
                except BlockingIOError:
                    break
                if address[2] != socket.PACKET_OUTGOING and len(packet) >= 20:
                    self.seen[name].add(struct.unpack_from("!H", packet, 4)[0])


def _tap(link: str) -> socket.socket:
    line = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    line.bind((link, 0x0800))
    line.setblocking(False)
    return line


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) & ~1]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
