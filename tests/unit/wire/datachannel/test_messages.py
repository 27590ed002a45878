"""The bytes of a message."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.model.faults import Invalid
from bastide.wire.datachannel.messages import Flags, Message, parse_message, render_message

# `output_stream_data` with the payload `hi`, computed from the layout the SSM agent and the plugin share.
VECTOR = bytes.fromhex(
    "000000746f75747075745f73747265616d5f646174612020202020202020202020202020000000010000018bcfe5680000000000"
    "0000000000000000000000018899aabbccddeeff00112233445566778f434346648f6b96df89dda901c5176b10a6d83961dd3c1a"
    "c88b59b2dc327aa400000001000000026869"
)
MESSAGE = Message(
    type="output_stream_data",
    sequence=0,
    payload=b"hi",
    payload_type=1,
    created_ms=1_700_000_000_000,
    id=uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"),
    flags=Flags.SYN,
)


def test_the_layout_is_the_agents() -> None:
    assert render_message(MESSAGE) == VECTOR
    assert parse_message(VECTOR) == MESSAGE


@given(
    st.builds(
        Message,
        type=st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=32),
        sequence=st.integers(-(2**63), 2**63 - 1),
        payload=st.binary(max_size=2000),
        payload_type=st.integers(0, 2**32 - 1),
        created_ms=st.integers(1, 2**64 - 1),
        id=st.uuids(),
        flags=st.integers(0, 2**64 - 1),
    )
)
def test_what_is_rendered_is_read_back(message: Message) -> None:
    assert parse_message(render_message(message)) == message


@given(st.integers(0, len(VECTOR) - 1))
def test_a_message_cut_short_is_none(length: int) -> None:
    with pytest.raises(Invalid):
        parse_message(VECTOR[:length])


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_invalid(data: bytes) -> None:
    try:
        parse_message(data)
    except Invalid as fault:
        assert fault.noun == "message"


def test_a_damaged_payload_is_refused() -> None:
    with pytest.raises(Invalid, match="digest"):
        parse_message(VECTOR[:-1] + b"!")
