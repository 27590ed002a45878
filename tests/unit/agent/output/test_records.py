"""A stream's lines as messages of the forward protocol; the `msgpack` package reads what we write."""

from typing import Any

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from bastide.agent.output.records import PIECE_BYTES, Origin, Recorder, split_pieces

ORIGIN = Origin(tag="app-firelens-1", container_id="1-2", container_name="app", source="stdout")


def read(*messages: bytes) -> list[Any]:
    unpacker = msgpack.Unpacker()
    unpacker.feed(b"".join(messages))
    return list(unpacker)


def test_a_line_is_a_record_with_dockers_fields() -> None:
    (message,) = read(Recorder(ORIGIN).record(b"a line\n", 1_700_000_000_123))
    tag, moment, record, options = message
    assert (tag, options) == ("app-firelens-1", {})
    assert moment.code == 0
    assert moment.data == (1_700_000_000).to_bytes(4, "big") + (123_000_000).to_bytes(4, "big")
    assert record == {
        "container_id": "1-2",
        "container_name": "app",
        "source": "stdout",
        "log": "a line",
    }


def test_parts_of_a_long_line_say_so() -> None:
    recorder = Recorder(ORIGIN)
    pieces = list(split_pieces(b"x" * (2 * PIECE_BYTES) + b"end\nnext\n"))
    messages = read(*(recorder.record(raw, 1000 + at) for at, raw in enumerate(pieces)))
    *parts, plain = [record for _, _, record, _ in messages]
    assert "".join(part["log"] for part in parts) == "x" * (2 * PIECE_BYTES) + "end"
    assert [part["partial_ordinal"] for part in parts] == ["1", "2", "3"]
    assert [part["partial_last"] for part in parts] == ["false", "false", "true"]
    assert {part["partial_message"] for part in parts} == {"true"}
    assert len({part["partial_id"] for part in parts}) == 1
    assert len(parts[0]["partial_id"]) == 64
    assert len({message[1].data for message in messages[:3]}) == 1  # the time of the line's beginning
    assert plain == {"container_id": "1-2", "container_name": "app", "source": "stdout", "log": "next"}


def test_two_long_lines_have_two_names() -> None:
    recorder = Recorder(ORIGIN)
    pieces = split_pieces((b"x" * PIECE_BYTES + b"1\n") * 2)
    names = [record["partial_id"] for _, _, record, _ in read(*(recorder.record(raw, 0) for raw in pieces))]
    assert names[0] == names[1] != names[2] == names[3]


def test_an_empty_line_is_a_record_too() -> None:
    assert [one[2]["log"] for one in read(Recorder(ORIGIN).record(b"\n", 0))] == [""]


def test_what_is_no_text_is_shown_as_well_as_can_be() -> None:
    assert [one[2]["log"] for one in read(Recorder(ORIGIN).record(b"\xff\r\n", 0))] == ["\ufffd\r"]


@given(st.lists(st.text(st.sampled_from("aä€😀\r\n"), max_size=50).map(lambda text: text * 900), max_size=5))
def test_pieces_are_the_whole_and_tear_no_character(texts: list[str]) -> None:
    data = "".join(texts).encode()
    pieces = list(split_pieces(data))
    assert b"".join(pieces) == data
    for piece in pieces:
        assert len(piece) <= PIECE_BYTES
        assert piece.decode()
        assert b"\n" not in piece[:-1]
