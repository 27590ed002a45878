"""Wrong signatures cost their address time, and nobody else any."""

import asyncio
import time

from bastide.api.guessing import ADDRESSES, FIRST_S, FORGIVEN_S, FREE, LONGEST_S, Guessing, is_guess
from bastide.api.keys.admin import AdminKey
from bastide.config import Settings
from bastide.store import Store
from bastide.wire.sigv4 import Refused, RefusedReason
from tests.unit.api.serving import KEY, serving
from tests.unit.api.test_gateway import refusal


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_few_are_free_then_each_waits_longer_to_a_limit() -> None:
    guessing = Guessing(Clock())
    waits = [guessing.wait_s("192.0.2.1") for _ in range(FREE + 30)]
    assert waits[:FREE] == [0.0] * FREE
    assert waits[FREE : FREE + 3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert waits[-1] == max(waits) == LONGEST_S


def test_another_address_does_not_wait() -> None:
    guessing = Guessing(Clock())
    for _ in range(100):
        guessing.wait_s("192.0.2.1")
    assert guessing.wait_s("192.0.2.2") == 0.0


def test_it_is_forgiven_with_time() -> None:
    clock = Clock()
    guessing = Guessing(clock)
    for _ in range(1000):
        guessing.wait_s("192.0.2.1")
    clock.now_s += FORGIVEN_S * (FREE + 11)
    assert guessing.wait_s("192.0.2.1") == 0.0


def test_memory_is_bounded_and_who_guesses_now_is_not_forgotten() -> None:
    guessing = Guessing(Clock())
    for _ in range(FREE + 5):
        guessing.wait_s("192.0.2.1")
    for number in range(3 * ADDRESSES):
        guessing.wait_s(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        if number % 1000 == 0:
            assert guessing.wait_s("192.0.2.1") > 0
    assert len(guessing) == ADDRESSES


def test_an_ipv6_network_is_one() -> None:
    guessing = Guessing(Clock())
    waits = [guessing.wait_s(f"2001:db8::{number:x}") for number in range(FREE + 1)]
    assert waits[-1] > 0
    assert guessing.wait_s("2001:db8:0:1::1") == 0.0
    assert guessing.wait_s("not:an:address") == 0.0


def test_a_wrong_clock_and_no_signature_are_no_guesses() -> None:
    guesses = {reason for reason in RefusedReason if is_guess(Refused(reason, ""))}
    assert guesses == {RefusedReason.BAD_TOKEN, RefusedReason.MISMATCH, RefusedReason.UNKNOWN_KEY}
    assert not is_guess(ValueError())


async def test_over_a_socket_the_wrong_ones_wait_and_the_right_one_does_not(store: Store) -> None:
    wrong = AdminKey(KEY.access_key_id, "x" * 40)
    async with serving(store, Settings()) as served:
        served.trail.guessing = Guessing(Clock())
        guesser, good = served.client("ecs", key=wrong), served.client("ecs")
        for _ in range(FREE):
            await refusal(guesser.list_clusters)
        began_s = time.monotonic()
        waiting = [asyncio.create_task(refusal(guesser.list_clusters)) for _ in range(2)]
        answered = await asyncio.to_thread(good.list_clusters)
        assert answered["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert not all(task.done() for task in waiting)
        codes = {(await task)[0] for task in waiting}
        assert codes == {"InvalidSignatureException"}
        assert time.monotonic() - began_s >= 2 * FIRST_S  # the second of them
