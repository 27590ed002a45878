"""HTTP/1.1 with one caller who may be anybody: bounded in size and time, one request after the other.

h11 reads the bytes. What is no HTTP is told so and ends the conversation.
"""

import asyncio
from collections.abc import Awaitable, Callable

import h11

from bastide.host.ports import Answered, Asked

READ_BYTES = 16 * 1024
HEAD_MAX_BYTES = 16 * 1024
BODY_MAX_BYTES = 16 * 1024
REQUEST_S = 5.0  # for a whole request, from the end of the one before: the ECS agent's own limit
ANSWER_S = 30.0

Answer = Callable[[Asked], Awaitable[Answered]]


async def converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, answer: Answer
) -> None:
    """Answer until the caller has had enough, falls silent, or speaks no HTTP.

    Raises OSError, TimeoutError.
    """
    line = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MAX_BYTES)
    while True:
        try:
            async with asyncio.timeout(REQUEST_S):
                asked = await _read(line, reader, address)
            if asked is None:
                return
            async with asyncio.timeout(ANSWER_S):
                answered = await answer(asked)
        except h11.RemoteProtocolError as error:
            if line.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                await _write(line, writer, Answered(status=error.error_status_hint, body=b""))
            return
        await _write(line, writer, answered)
        if line.our_state is not h11.DONE or line.their_state is not h11.DONE:
            return
        line.start_next_cycle()


async def _read(line: h11.Connection, reader: asyncio.StreamReader, address: str) -> Asked | None:
    """The next request; None when there is none any more."""
    request: h11.Request | None = None
    body = b""
    while True:
        match line.next_event():
            case h11.NEED_DATA:
                line.receive_data(await reader.read(READ_BYTES))
            case h11.Request() as request:
                pass
            case h11.Data(data=data):
                body += data
                if len(body) > BODY_MAX_BYTES:
                    raise h11.RemoteProtocolError("the body is too large", error_status_hint=413)
            case h11.EndOfMessage() if request is not None:
                method, target = request.method.decode(), request.target.decode()
                return Asked(address=address, method=method, target=target, body=body)
            case _:
                return None


async def _write(line: h11.Connection, writer: asyncio.StreamWriter, answered: Answered) -> None:
    headers = [("content-type", answered.content_type), ("content-length", str(len(answered.body)))]
    writer.write(
        b"".join(
            line.send(event) or b""
            for event in (
                h11.Response(status_code=answered.status, headers=headers),
                h11.Data(data=answered.body),
                h11.EndOfMessage(),
            )
        )
    )
    async with asyncio.timeout(REQUEST_S):
        await writer.drain()
