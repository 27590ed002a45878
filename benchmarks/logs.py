"""Log events in, ten million of them, and what it takes to find some again.

Lines come by PutLogEvents over HTTP, signed, a thousand a call, over sixteen connections into twenty streams,
each call on disk before its answer; no line comes twice. Then each question is asked of all of them, through
the API as a user asks it.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from benchmarks.figures import Figure, figure
from benchmarks.load import Result
from benchmarks.processes import read_cpu_s
from benchmarks.signing import Signer
from tests.installation import Installation

GROUP = "/bench/logs"
STREAMS = 20
CONNECTIONS = 16
LINES_A_CALL = 1_000
CALLS_A_ROUND = 1_000  # signed beforehand: more than are answered within the time
ROUND_S = 8.0
LINES = 10_000_000
SPACING_MS = 8  # between two lines: ten million of them are 22 hours
NEEDLE = "needle-in-a-haystack"
QUESTIONS = {
    "Insights: count by hour, a word in the message": (
        "filter @message like 'timed out' | stats count(*) by bin(1h)"
    ),
    "Insights: parse, count and percentile by status": (
        "parse @message 'path=* status=* took=*ms' as path, status, took"
        " | stats count(*), pct(took, 95) by status"
    ),
    "Insights: newest hundred with a word": f"filter @message like '{NEEDLE}' | limit 100",
}


def measure_logs(installation: Installation, *, rounds: int) -> Iterator[list[Figure]]:
    """First in, then out."""
    client = installation.client("logs")
    client.create_log_group(logGroupName=GROUP)
    for number in range(STREAMS):
        client.create_log_stream(logGroupName=GROUP, logStreamName=_stream(number))
    first_ms = time.time_ns() // 1_000_000 - LINES * SPACING_MS - 3_600_000
    yield _fill(installation, first_ms)
    yield _ask(client, first_ms, rounds=rounds)


def _fill(installation: Installation, first_ms: int) -> list[Figure]:
    signer = Signer(installation.environment, "logs")
    server = installation.pid("server")
    rates, costs = [], []
    calls = 0
    while calls * LINES_A_CALL < LINES:
        requests = [_request(signer, calls + number, first_ms) for number in range(CALLS_A_ROUND)]
        cpu_s = read_cpu_s(server)
        result = _send(signer, requests)
        answered = result.answers[200]
        if set(result.answers) != {200} or answered >= CALLS_A_ROUND:
            raise RuntimeError(f"not what was meant to be measured: {result.answers}")
        rates.append(answered * LINES_A_CALL / result.elapsed_s)
        costs.append((read_cpu_s(server) - cpu_s) * 1e6 / (answered * LINES_A_CALL))
        calls += answered
    return [
        figure("PutLogEvents, 1,000 lines a call, 16 connections", "lines/s", rates),
        figure("the same, server CPU a line", "µs", costs),
    ]


def _send(signer: Signer, requests: list[bytes]) -> Result:
    host, port = signer.address
    words = [sys.executable, "-m", "benchmarks.load", host, str(port), str(CONNECTIONS), str(ROUND_S)]
    done = subprocess.run(words, input=msgspec.msgpack.encode(requests), stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Result)


def _ask(client: Any, first_ms: int, *, rounds: int) -> list[Figure]:
    span_s = {"startTime": first_ms // 1000, "endTime": (first_ms + 2 * LINES * SPACING_MS) // 1000}
    asked: dict[str, Callable[[], int]] = {}
    for name, text in QUESTIONS.items():
        asked[name] = lambda text=text: _query(client, text, span_s)  # type: ignore[misc]
    asked["FilterLogEvents: every page, a rare word"] = lambda: sum(
        len(page["events"])
        for page in client.get_paginator("filter_log_events").paginate(
            logGroupName=GROUP, filterPattern=f'"{NEEDLE}"'
        )
    )
    asked["GetLogEvents: the newest page of a stream"] = lambda: len(
        client.get_log_events(logGroupName=GROUP, logStreamName=_stream(7), limit=1000)["events"]
    )
    samples: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, ask in asked.items():
            began = time.perf_counter()
            if not ask():
                raise RuntimeError(f"nothing was found: {name}")
            samples[name].append(time.perf_counter() - began)
    return [figure(name, "s", found) for name, found in samples.items()]


def _query(client: Any, text: str, span_s: dict[str, int]) -> int:
    query_id = client.start_query(logGroupName=GROUP, queryString=text, **span_s)["queryId"]
    while True:
        found = client.get_query_results(queryId=query_id)
        if found["status"] == "Complete":
            return len(found["results"])
        if found["status"] not in ("Scheduled", "Running"):
            raise RuntimeError(f"the query ended as {found['status']}")
        time.sleep(0.02)


def _request(signer: Signer, call: int, first_ms: int) -> bytes:
    first = call * LINES_A_CALL
    events = [
        {"timestamp": first_ms + number * SPACING_MS, "message": _line(number)}
        for number in range(first, first + LINES_A_CALL)
    ]
    place = {"logGroupName": GROUP, "logStreamName": _stream(call % STREAMS)}
    return signer.sign("PutLogEvents", {**place, "logEvents": events})


def _stream(number: int) -> str:
    return f"web/app/{number:032x}"


def _line(number: int) -> str:
    """Some hundred bytes, no two alike."""
    told = "request timed out" if number % 499 == 0 else "request served"
    if number % 1_000_003 == 500_000:
        told = NEEDLE
    status = 500 if number % 50 == 0 else 200
    request = number * 2_654_435_761 % 4_294_967_296
    return (
        f"{told} id={request:08x} path=/api/v1/items/{request % 5003} status={status}"
        f" took={request % 311}ms from=10.0.{number % 251}.{number % 241}"
    )
