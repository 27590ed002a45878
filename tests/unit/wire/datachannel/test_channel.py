"""A session over a network that loses, doubles and reorders, with a client that does what the plugin does."""

import random
from itertools import count, pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bastide.model.faults import Invalid
from bastide.wire.datachannel.channel import INPUT_HELD_BYTES, Channel, Opened, Resized, Typed
from bastide.wire.datachannel.messages import Message, PayloadType, parse_message
from bastide.wire.datachannel.outgoing import TIMEOUT_MAX_S, WINDOW_BYTES, WINDOW_MESSAGES
from bastide.wire.datachannel.payloads import AGENT_BYTES, LARGE_BYTES, parse_opening
from bastide.wire.datachannel.text import whole_characters
from tests.unit.wire.datachannel.plugin import Network, Plugin

STEP_S = 0.02
PATIENCE_STEPS = 20_000


class World:
    """A channel, a plugin, and the two directions between them."""

    def __init__(
        self,
        *,
        seed: int = 0,
        loss: float = 0.0,
        twice: float = 0.0,
        late_s: float = 0.0,
        is_ordered: bool = False,
    ) -> None:
        chance = None if is_ordered else random.Random(seed)
        self.plugin = Plugin(acknowledges_again=loss > 0)
        ticks = count(1)
        self.channel = Channel("ecs-execute-command-0", wall_ms=lambda: next(ticks))
        self.up = Network(chance, loss=loss, twice=twice, late_s=late_s)
        self.down = Network(chance, loss=loss, twice=twice, late_s=late_s)
        self.now_s = 0.0
        self.typed = b""
        self.sizes: list[tuple[int, int]] = []
        self.opened = 0
        self.down.put(self.channel.attach(chunk_bytes=LARGE_BYTES, now_s=0.0), 0.0)

    def step(self) -> None:
        self.now_s += STEP_S
        for frame in self.up.take(self.now_s):
            frames, events = self.channel.receive(frame, now_s=self.now_s)
            self.down.put(frames, self.now_s)
            for event in events:
                match event:
                    case Typed(data):
                        self.typed += data
                        self.channel.taken(len(data))
                    case Resized(columns, rows):
                        self.sizes.append((columns, rows))
                    case Opened():
                        self.opened += 1
        for frame in self.down.take(self.now_s):
            self.up.put(self.plugin.receive(frame), self.now_s)
        self.down.put(self.channel.due(now_s=self.now_s), self.now_s)
        self.up.put(self.plugin.tick(self.now_s), self.now_s)

    def run(self) -> None:
        """Until neither side waits for anything."""
        for _ in range(PATIENCE_STEPS):
            self.step()
            if self.plugin.is_done and self.channel.is_acknowledged:
                return
        raise AssertionError("it never ends")

    def show(self, output: list[bytes]) -> None:
        for data in output:
            self.down.put(self.channel.send(data, now_s=self.now_s), self.now_s)
        self.down.put(self.channel.flush(now_s=self.now_s), self.now_s)

    def type(self, typed: list[bytes]) -> None:
        for data in typed:
            self.up.put([self.plugin.type(data)], self.now_s)

    def open(self) -> None:
        while not self.sizes:
            self.step()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.4),
    twice=st.floats(0, 0.4),
    late_s=st.floats(0, 0.5),
    output=st.lists(st.binary(min_size=1, max_size=300), max_size=12),
    typed=st.lists(st.binary(min_size=1, max_size=50), max_size=12),
)
def test_both_streams_arrive_whole_once_and_in_order(
    seed: int, loss: float, twice: float, late_s: float, output: list[bytes], typed: list[bytes]
) -> None:
    world = World(seed=seed, loss=loss, twice=twice, late_s=late_s)
    world.open()
    world.show(output)
    world.type(typed)
    world.run()
    assert world.plugin.shown == b"".join(output)
    assert world.typed == b"".join(typed)
    assert (world.opened, world.sizes) == (1, [(80, 24)])


@settings(max_examples=60, deadline=None)
@given(
    latency_s=st.floats(0, 0.3),
    before=st.lists(st.binary(min_size=1, max_size=300), max_size=12),
    after=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=12),
    cuts_after=st.lists(st.integers(0, 40), min_size=1, max_size=3),
)
def test_nothing_is_lost_or_shown_twice_when_sockets_are_lost(
    latency_s: float, before: list[bytes], after: list[bytes], cuts_after: list[int]
) -> None:
    world = World(late_s=latency_s, is_ordered=True)
    world.open()
    for cut_after in cuts_after:
        world.show(before)
        world.type(before)
        for _ in range(cut_after):
            world.step()
        world.up.cut()
        world.down.cut()
        world.down.put(world.channel.attach(chunk_bytes=LARGE_BYTES, now_s=world.now_s), world.now_s)
        world.up.put(world.plugin.again(), world.now_s)
        world.show(after)
        world.type(after)
    world.run()
    expected = b"".join([*before, *after]) * len(cuts_after)
    assert world.plugin.shown == expected
    assert world.typed == expected
    assert world.channel.room == WINDOW_BYTES


def test_the_handshake_comes_first_and_says_what_the_session_is() -> None:
    world = World()
    world.open()
    assert world.opened == 1
    channel = Channel("s", wall_ms=lambda: 1)
    request = parse_message(channel.attach(chunk_bytes=AGENT_BYTES, now_s=0.0)[0])
    assert (request.sequence, request.flags, request.payload_type) == (0, 1, PayloadType.HANDSHAKE_REQUEST)
    action = msgspec.json.decode(request.payload)["RequestedClientActions"][0]
    assert action["ActionParameters"]["SessionType"] == "InteractiveCommands"


def test_nothing_is_typed_before_the_handshake_is_over() -> None:
    world = World()
    frames, events = world.channel.receive(world.plugin.type(b"too early"), now_s=0.0)
    assert (len(frames), events) == (1, [])


def test_a_client_that_does_not_do_terminals_is_refused() -> None:
    world = World()
    answer = b'{"ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":2,"Error":"no"}]}'
    with pytest.raises(Invalid):
        world.channel.receive(world.plugin.type(answer, PayloadType.HANDSHAKE_RESPONSE), now_s=0.0)


def test_room_is_what_a_client_has_not_acknowledged() -> None:
    world = World()
    world.open()
    world.run()
    assert world.channel.room == WINDOW_BYTES
    frames = world.channel.send(b"x" * WINDOW_BYTES, now_s=world.now_s)
    assert len(frames) == WINDOW_BYTES // LARGE_BYTES
    assert world.channel.room == 0
    world.down.put(frames, world.now_s)
    world.run()
    assert world.channel.room == WINDOW_BYTES
    for _ in range(WINDOW_MESSAGES):
        world.channel.send(b"x", now_s=world.now_s)
    assert world.channel.room == 0


@pytest.mark.parametrize(
    ("opening", "most"),
    [('{"TokenValue":"t"}', 1024), ('{"TokenValue":"t","ClientVersion":"1.2.677.0"}', 32768)],
)
def test_only_the_plugin_gets_more_in_a_message_than_the_agents_own_hold(opening: str, most: int) -> None:
    channel = Channel("s", wall_ms=lambda: 1)
    channel.attach(chunk_bytes=parse_opening(opening).chunk_bytes, now_s=0.0)
    sizes = [len(message.payload) for message in payloads(channel.send(b"x" * 100_000, now_s=0.0))]
    assert (max(sizes), sum(sizes)) == (most, 100_000)


def test_input_that_nobody_takes_is_not_acknowledged() -> None:
    world = World()
    world.open()
    half = b"x" * (INPUT_HELD_BYTES // 2)
    for _ in range(2):
        assert world.channel.receive(world.plugin.type(half), now_s=1.0)[0]
    late = world.plugin.type(b"x")
    assert world.channel.receive(late, now_s=1.0) == ([], [])
    world.channel.taken(len(half))
    assert world.channel.receive(late, now_s=1.0)[1] == [Typed(b"x")]


def test_only_the_oldest_is_sent_again_and_never_more_often_than_its_timeout() -> None:
    world = World()
    world.open()
    world.run()
    for data in (b"a", b"b"):
        world.channel.send(data, now_s=world.now_s)
    assert world.channel.due(now_s=world.now_s + 0.1) == []
    again = world.channel.due(now_s=world.now_s + TIMEOUT_MAX_S)
    assert [parse_message(frame).payload for frame in again] == [b"a"]
    assert world.channel.due(now_s=world.now_s + TIMEOUT_MAX_S + 0.1) == []


def test_the_end_is_said_once() -> None:
    world = World()
    closing = world.channel.close("The task has stopped.")
    world.plugin.receive(closing[0])
    assert world.plugin.closed is not None
    assert msgspec.json.decode(world.plugin.closed)["Output"] == "The task has stopped."
    assert world.channel.close("again") == []


def payloads(frames: list[bytes]) -> list[Message]:
    return [parse_message(frame) for frame in frames]


@given(st.text(min_size=1, max_size=200), st.lists(st.integers(0, 800), max_size=8))
def test_no_message_ends_within_a_character(text: str, cuts: list[int]) -> None:
    data = text.encode("utf-8", "replace")
    channel = Channel("s", wall_ms=lambda: 1)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    frames: list[bytes] = []
    for start, end in pairwise(edges):
        frames += channel.send(data[start:end], now_s=0.0)
    assert b"".join(message.payload for message in payloads(frames)) == data
    for message in payloads(frames):
        message.payload.decode()


@given(st.binary(max_size=40))
def test_what_is_no_text_is_not_held_back_for_long(data: bytes) -> None:
    assert 0 <= len(data) - whole_characters(data) <= 3
    channel = Channel("s", wall_ms=lambda: 1)
    frames = [*channel.send(data, now_s=0.0), *channel.flush(now_s=0.0)]
    assert b"".join(message.payload for message in payloads(frames)) == data
