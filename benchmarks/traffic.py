"""Traffic between two namespaces: programs of their own, so that each has a processor."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PORT = 9100
SECONDS = 1.0
ROUND_TRIPS = 4000
RECEIVER = """
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
SENDER = """
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


def inside(netns: Path, program: str, *arguments: object) -> "subprocess.Popen[str]":
    """The program in the namespace, once it says that it is ready."""
    argv = ["nsenter", f"--net={netns}", sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def measure(sender: Path, receiver: Path, address: str, *, rounds: int) -> list[Sequence[float]]:
    """Per round: Gbit/s of one connection, µs of a round trip, µs of a new connection."""
    listening = inside(receiver, RECEIVER, PORT)
    try:
        argv = ["nsenter", f"--net={sender}", sys.executable, "-c", SENDER, address]
        samples = []
        for _ in range(rounds):
            done = subprocess.run(
                [*argv, str(PORT), str(SECONDS), str(ROUND_TRIPS)], check=True, capture_output=True, text=True
            )
            samples.append(json.loads(done.stdout))
        return samples
    finally:
        listening.kill()
        listening.wait()
