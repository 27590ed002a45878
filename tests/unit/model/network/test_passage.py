"""What is said of a connection that is passed on from inside a VPC: whole, in any pieces, or not at all."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.model.network.passage import NoPassage, Passage, parse_passage, render_passage

PASSAGE = Passage(
    vpc_id="vpc-0a1b2c3d", client="172.31.0.5", client_port=40000, address="169.254.170.3", port=443
)
THROUGH = Passage(
    vpc_id="vpc-0a", client="10.0.0.5", client_port=1, address="10.0.1.9", port=65535, endpoint_id="vpce-0e"
)


@pytest.mark.parametrize("passage", [PASSAGE, THROUGH])
def test_it_is_read_as_it_was_said_and_what_follows_is_left(passage: Passage) -> None:
    assert parse_passage(render_passage(passage) + b"GET /") == (passage, b"GET /")


def test_in_any_pieces_it_is_waited_for() -> None:
    whole = render_passage(THROUGH)
    assert all(parse_passage(whole[:size]) is None for size in range(len(whole)))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        render_passage(PASSAGE).replace(b"\x21\x11", b"\x20\x11"),  # LOCAL: on nobody's behalf
        render_passage(PASSAGE).replace(b"\x21\x11", b"\x21\x21"),  # IPv6
        render_passage(PASSAGE)[:14] + b"\xff\xff" + bytes(16),
        render_passage(PASSAGE)[:14] + b"\x00\x0c" + render_passage(PASSAGE)[16:28],  # of no VPC
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(NoPassage):
        parse_passage(data)


@given(st.binary(max_size=64))
def test_no_bytes_at_all_break_it(tail: bytes) -> None:
    head = render_passage(PASSAGE)[:16]
    with contextlib.suppress(NoPassage):
        parse_passage(head + tail)
