"""A connection's word on where it comes from is believed on the socket for it, and nowhere else."""

import asyncio
from pathlib import Path

import pytest

from bastide.api.connections import Connection, passed_on_with
from bastide.api.operation import Context, Params, Reads, Result
from bastide.api.tls import InsideCertificates
from bastide.config import Settings
from bastide.model.network.passage import Passage, render_passage
from bastide.store import Store, Txn
from tests.unit.api.serving import serving

PASSAGE = render_passage(
    Passage(vpc_id="vpc-1", client="10.0.0.5", client_port=4000, address="169.254.170.3", port=443)
)
ASK = b"GET /_bastide/health HTTP/1.1\r\nhost: api\r\nconnection: close\r\n\r\n"


def unused(txn: Txn, ctx: Context, params: Params) -> Result:
    raise AssertionError("nobody calls")


async def answer_to(store: Store, folder: Path, http: type[Connection], *pieces: bytes) -> str:
    """The first line of what is heard, when it was said in these pieces."""
    services = {"sts": {"GetCallerIdentity": Reads(unused)}}
    async with serving(store, Settings(data_root=folder), services=services, http=http) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        heard = await reader.read()
        writer.close()
        return heard.partition(b"\r\n")[0].decode()


@pytest.mark.parametrize("size", [1, 20, len(PASSAGE), 1000])
async def test_it_is_taken_off_in_any_pieces(store: Store, tmp_path: Path, size: int) -> None:
    whole = PASSAGE + ASK
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    http = passed_on_with(InsideCertificates(Settings(data_root=tmp_path)).context)
    assert await answer_to(store, tmp_path, http, *pieces) == "HTTP/1.1 404 Not Found"


async def test_who_says_none_is_not_heard(store: Store, tmp_path: Path) -> None:
    http = passed_on_with(InsideCertificates(Settings(data_root=tmp_path)).context)
    assert await answer_to(store, tmp_path, http, ASK) == ""


async def test_from_outside_it_is_no_http(store: Store, tmp_path: Path) -> None:
    assert await answer_to(store, tmp_path, Connection, PASSAGE + ASK) == "HTTP/1.1 400 Bad Request"
    assert await answer_to(store, tmp_path, Connection, ASK) == "HTTP/1.1 200 OK"
