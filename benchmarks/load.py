"""The load: a process of its own that sends requests made before, over some connections, as fast as they go.

    python -m benchmarks.load HOST PORT CONNECTIONS SECONDS < requests > result

Requests come as one MessagePack list on stdin and are sent round and round; the result is a `Result` in JSON.
One thread and epoll: about 20 µs of processor time for each request.
"""

import select
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import cycle

import msgspec

from benchmarks.line import Line

WAIT_S = 30.0


class Result(msgspec.Struct, frozen=True):
    """What came of it: answers by status, how long it took, what the load itself cost."""

    answers: dict[int, int]
    elapsed_s: float
    own_cpu_s: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.answers.get(200, 0) / self.elapsed_s


def run(
    address: tuple[str, int], requests: Sequence[bytes], *, connections: int, duration_s: float
) -> Result:
    """Keep every connection busy for `duration_s`, then wait for the last answers."""
    lines = [Line(address) for _ in range(connections)]
    by_number = {line.socket.fileno(): line for line in lines}
    poll = select.epoll()
    supply = cycle(requests)
    answers: Counter[int] = Counter()
    started_at, started_cpu = time.perf_counter(), time.process_time()
    waiting: set[int] = set()
    for number, line in by_number.items():
        poll.register(number, select.EPOLLIN)
        waiting.add(number)
        line.send(next(supply))
    while waiting:
        ready = poll.poll(WAIT_S)
        if not ready:
            raise TimeoutError("no answer")
        for number, _ in ready:
            answer = by_number[number].take()
            if answer is None:
                continue
            answers[answer[0]] += 1
            if time.perf_counter() - started_at < duration_s:
                by_number[number].send(next(supply))
            else:
                waiting.remove(number)
    result = Result(dict(answers), time.perf_counter() - started_at, time.process_time() - started_cpu)
    for line in lines:
        line.close()
    return result


def main() -> None:
    """The program."""
    host, port, connections, seconds = sys.argv[1:]
    requests = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[bytes])
    result = run((host, int(port)), requests, connections=int(connections), duration_s=float(seconds))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
