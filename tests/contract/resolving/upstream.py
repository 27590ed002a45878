"""A resolver of the host's, to whom questions are sent on, and somebody in a namespace who asks."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rrset

KNOWN = "known.example."
LARGE = "large.example."  # too much for a datagram
MUTE = "mute.example."
LARGE_TEXT = " ".join('"' + "x" * 200 + '"' for _ in range(20))

ASKER = """
import sys, dns.message, dns.query, dns.rcode
server, name, kind, how, times = sys.argv[1:]
asked = dns.message.make_query(name, kind)
try:
    answer = getattr(dns.query, how)(asked, server, timeout=float(times))
except ConnectionRefusedError:
    print("refused")
except Exception as error:
    print("nothing", error)
else:
    texts = sorted(item.to_text() for rrset in answer.answer for item in rrset)
    print(dns.rcode.to_text(answer.rcode()), "TC" if answer.flags & 0x200 else "", *texts)
"""


class Upstream:
    """Answers at one address of the host; `asked` are the names it heard, by the protocol."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[tuple[str, str]] = []
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, 53))
        self._tcp = socket.create_server((address, 53))
        self._stopped = threading.Event()
        for line in (self._udp, self._tcp):
            line.settimeout(0.05)

    def _serve_udp(self) -> None:
        while not self._stopped.is_set():
            try:
                wire, peer = self._udp.recvfrom(4096)
            except TimeoutError:
                continue
            answer = self._answer(wire, "udp")
            if answer is not None:
                self._udp.sendto(answer, peer)

    def _serve_tcp(self) -> None:
        while not self._stopped.is_set():
            try:
                peer, _ = self._tcp.accept()
            except TimeoutError:
                continue
            with peer:
                size = int.from_bytes(peer.recv(2, socket.MSG_WAITALL))
                answer = self._answer(peer.recv(size, socket.MSG_WAITALL), "tcp")
                if answer is not None:
                    peer.sendall(len(answer).to_bytes(2) + answer)

    def _answer(self, wire: bytes, protocol: str) -> bytes | None:
        asked = dns.message.from_wire(wire)
        name = asked.question[0].name.to_text()
        self.asked.append((protocol, name))
        answer = dns.message.make_response(asked)
        if name == MUTE:
            return None
        if name == LARGE and protocol == "udp":
            answer.flags |= dns.flags.TC
        elif name == LARGE:
            answer.answer.append(dns.rrset.from_text(LARGE, 60, "IN", "TXT", LARGE_TEXT))
        else:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
        return answer.to_wire(max_size=65535)

    @contextmanager
    def running(self) -> Iterator["Upstream"]:
        """It answers meanwhile."""
        threads = [threading.Thread(target=work) for work in (self._serve_udp, self._serve_tcp)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()
            self._udp.close()
            self._tcp.close()


def look_up(
    netns: str | None,
    name: str,
    kind: str = "A",
    *,
    at: str = "172.31.0.2",
    by: str = "udp",
    timeout_s: float = 5,
) -> str:
    """What is heard: a code and the records in order, "refused" or "nothing"."""
    inside = ["nsenter", f"--net={netns}"] if netns else []
    argv = [*inside, sys.executable, "-c", ASKER, at, name, kind, by, str(timeout_s)]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    return "nothing" if said[0] == "nothing" else " ".join(said)
