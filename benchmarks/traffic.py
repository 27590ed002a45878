"""Traffic between two namespaces: programs of their own, so that each has a processor.

Those that measure packets come before whatever else runs on the machine: what is told is what packets cost.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PORT = 9100
PROBED_PORT = 9200
SETTLED_S = 0.05  # after a change until what arrived is asked for
SECONDS = 1.0
ROUND_TRIPS = 4000
FIRST = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(20))\n"
RECEIVER = (
    FIRST
    + """
import socket, sys
server = socket.create_server(("", int(sys.argv[1])))
print("ready", flush=True)
while True:
    peer, _ = server.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer, way = bytearray(1 << 20), peer.recv(1)
    while count := peer.recv_into(buffer):
        if way == b"e":
            peer.sendall(buffer[:count])
"""
)
SENDER = (
    FIRST
    + """
import json, socket, sys, time
to, port, seconds, trips = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
line = socket.create_connection((to, port), timeout=10)
line.sendall(b"s")
block, sent, begun = bytes(1 << 20), 0, time.perf_counter()
while (passed := time.perf_counter() - begun) < seconds:
    line.sendall(block)
    sent += len(block)
line.close()
line = socket.create_connection((to, port), timeout=10)
line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
line.sendall(b"e")
begun = time.perf_counter()
for _ in range(trips):
    line.sendall(b"x")
    line.recv(1)
trip = (time.perf_counter() - begun) / trips
line.close()
begun = time.perf_counter()
for _ in range(trips // 10):
    socket.create_connection((to, port), timeout=10).close()
connect = (time.perf_counter() - begun) / (trips // 10)
print(json.dumps([sent * 8 / passed / 1e9, trip * 1e6, connect * 1e6]))
"""
)
COUNTER = """
import socket, sys
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
line.bind(("", int(sys.argv[1])))
print("ready", flush=True)
seen = 0
while line.recv(100) != b"end":
    seen += 1
print(seen)
"""
PULSE = """
import socket, sys, time
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
to, sent = (sys.argv[1], int(sys.argv[2])), 0
print("ready", flush=True)
import threading
ending = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
while not ending.is_set():
    for _ in range(20):
        line.sendto(b"pulse", to)
    sent += 20
    time.sleep(0.001)
time.sleep(0.2)
line.sendto(b"end", to)
print(sent)
"""


PROBE = """
import socket, sys, time
print("ready", flush=True)
while True:
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.sendto(b"new", (sys.argv[1], int(sys.argv[2])))
    line.close()
    time.sleep(0.001)
"""
ARRIVALS = """
import json, select, socket, sys, time
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind(("", int(sys.argv[1])))
print("ready", flush=True)
seen = []
while True:
    ready, _, _ = select.select([line, sys.stdin], [], [])
    if line in ready:
        line.recv(100)
        seen.append(time.monotonic())
    if sys.stdin in ready:
        sys.stdin.readline()
        print(json.dumps(seen), flush=True)
        seen = []
"""


class Probe:
    """New flows from one namespace to another, one a millisecond, of each it is known when it arrived."""

    def __init__(self, sender: Path, receiver: Path, address: str) -> None:
        self._arrivals = inside(receiver, ARRIVALS, PROBED_PORT)
        self._sender = inside(sender, PROBE, address, PROBED_PORT)

    def close(self) -> None:
        """No more."""
        for process in (self._sender, self._arrivals):
            process.kill()
            process.communicate()

    def effect_ms(self, begun: float, *, opens: bool) -> float:
        """From `begun` (monotonic) to the first flow that got through, or to the last."""
        time.sleep(SETTLED_S)
        assert self._arrivals.stdin and self._arrivals.stdout
        self._arrivals.stdin.write("\n")
        self._arrivals.stdin.flush()
        seen = [at for at in json.loads(self._arrivals.stdout.readline()) if at > begun]
        return float((min if opens else max)(seen or [begun]) - begun) * 1000


def inside(netns: Path, program: str, *arguments: object) -> "subprocess.Popen[str]":
    """The program in the namespace, once it says that it is ready."""
    argv = ["nsenter", f"--net={netns}", sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@contextmanager
def receiving(netns: Path) -> Iterator[None]:
    """Somebody in the namespace takes what `measure` sends."""
    listening = inside(netns, RECEIVER, PORT)
    try:
        yield
    finally:
        listening.kill()
        listening.communicate()


def measure(sender: Path, address: str) -> Sequence[float]:
    """Gbit/s of one connection, µs of a round trip, µs of a new connection."""
    argv = ["nsenter", f"--net={sender}", sys.executable, "-c", SENDER, address]
    done = subprocess.run(
        [*argv, str(PORT), str(SECONDS), str(ROUND_TRIPS)], check=True, capture_output=True, text=True
    )
    return [float(number) for number in json.loads(done.stdout)]
