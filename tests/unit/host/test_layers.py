"""The look that is taken at a layer, on tars made here and on ones that no tool would make."""

import gzip
import io
import random
import tarfile

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bastide.host.containerd_api.services.diff_pb2 import ApplyRequest
from bastide.host.layers.inspection import BLOCK, Inspection, Refused, check_name
from bastide.host.layers.order import Order, parse_any, render_order
from bastide.host.layers.packing import PIECE_BYTES, unpacked
from tests.contract.images.archives import tar_of


def look(data: bytes, *, step: int = 1000, bytes_max: int = 10**9, entries_max: int = 1000) -> None:
    inspection = Inspection(bytes_max=bytes_max, entries_max=entries_max)
    for at in range(0, len(data), step):
        inspection.feed(data[at : at + step])
    inspection.finish()


def tar_with(*members: tarfile.TarInfo, format: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return packed.getvalue()


def file(name: str, size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = size
    return made


def chunks(data: bytes, size: int = 1000) -> list[bytes]:
    source = io.BytesIO(data)
    return list(unpacked(lambda _: source.read(size)))


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1), st.integers(0, 3000)
        )
    ),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    st.integers(1, 5000),
)
def test_what_a_tool_writes_is_taken_however_it_comes(
    files: list[tuple[str, int]], format: int, step: int
) -> None:
    members = [file("dir/" + name, size) for name, size in files if not name.startswith(".")]
    look(tar_with(*members, format=format), step=step)


@given(st.binary(max_size=3000))
def test_any_bytes_are_taken_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        look(data)
    except Refused as refused:
        assert str(refused)


def test_a_mutated_tar_is_taken_or_refused() -> None:
    whole, draw = tar_with(file("one", 700), file("y" * 150, 10), file("two")), random.Random(1)
    for _ in range(2000):
        data = bytearray(whole)
        data[draw.randrange(len(data))] = draw.randrange(256)
        try:
            look(bytes(data))
        except Refused as refused:
            assert str(refused)


@pytest.mark.parametrize("kept", [100, BLOCK + 10, 2 * BLOCK])
def test_a_tar_that_ends_within_an_entry_is_refused(kept: int) -> None:
    with pytest.raises(Refused, match="unexpected EOF"):
        look(tar_with(file("one", 1024))[:kept])


def test_sizes_and_entries_are_counted() -> None:
    data = tar_of({str(n): "x" for n in range(10)})
    look(data, bytes_max=len(data), entries_max=10)
    with pytest.raises(Refused, match="more than the 9 entries"):
        look(data, entries_max=9)
    with pytest.raises(Refused, match=f"more than the {len(data) - 1} bytes"):
        look(data, bytes_max=len(data) - 1)


def test_a_sparse_file_and_a_lying_extended_header_are_refused() -> None:
    sparse = file("hole")
    sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.realsize": "999999999999"}
    with pytest.raises(Refused, match="sparse"):
        look(tar_with(sparse))
    hidden = file("innocent")
    hidden.pax_headers = {"path": "../../outside"}
    with pytest.raises(Refused, match="leads out"):
        look(tar_with(hidden))


@pytest.mark.parametrize(
    "name", ["..", "../a", "a/../..", "/..", "a/.wh.", "a/.wh..", "a/.wh...", "a\0b", "a" * 5000]
)
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        check_name(name)


@pytest.mark.parametrize("name", ["a", "/a", "./", "a/../b", "..a", "a/.wh.b", ".wh..wh..opq", "é"])
def test_a_good_name_is_taken(name: str) -> None:
    check_name(name)


def test_a_bomb_comes_out_in_small_pieces() -> None:
    zeros = bytes(50_000_000)
    for packed in (gzip.compress(zeros, 1), zstandard.compress(zeros)):
        pieces = chunks(packed, 256 * 1024)
        assert sum(map(len, pieces)) == len(zeros)
        assert max(map(len, pieces)) <= PIECE_BYTES


def test_two_gzip_files_are_one_and_broken_ones_are_refused() -> None:
    packed = gzip.compress(b"one") + gzip.compress(b"two")
    assert b"".join(chunks(packed, 5)) == b"onetwo"
    for broken in (packed[:-4], packed + b"garbage", packed[:-8] + bytes(8)):
        with pytest.raises(Refused, match="gzip"):
            chunks(broken)
    with pytest.raises(Refused, match="zstd"):
        chunks(zstandard.compress(b"one" * 1000)[:4] + b"\xff" * 20)


def test_the_order_is_read_as_protobuf_writes_it() -> None:
    order = Order(bytes_max=10**12, entries_max=7, reason="/somewhere/" + "x" * 300)
    request = ApplyRequest()
    request.payloads["bastide"].type_url = "bastide/LayerOrder"
    request.payloads["bastide"].value = render_order(order)
    assert parse_any(request.payloads["bastide"].SerializeToString()) == order
