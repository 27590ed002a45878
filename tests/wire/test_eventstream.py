"""Event streams: botocore reads what we write."""

from collections.abc import AsyncGenerator

import pytest
from botocore.eventstream import EventStreamBuffer

from bastide.wire.codec.eventstream import MEDIA_TYPE, render_event, render_stream


@pytest.mark.parametrize(
    ("name", "kind"), [("sessionUpdate", "event"), ("SessionTimeoutException", "exception")]
)
def test_a_message_is_read_as_it_was_meant(name: str, kind: str) -> None:
    buffer = EventStreamBuffer()
    data = render_event(name, {"message": "é \x00", "n": 1})
    buffer.add_data(data[:10])
    buffer.add_data(data[10:])
    (message,) = list(buffer)
    assert message.headers == {
        ":message-type": kind,
        f":{kind}-type": name,
        ":content-type": "application/json",
    }
    assert message.payload == '{"message":"é \\u0000","n":1}'.encode()


async def test_a_stream_begins_with_what_is_no_event_and_ends_with_its_source() -> None:
    ended = []

    async def events() -> AsyncGenerator[tuple[str, dict[str, str]], None]:
        try:
            yield "one", {}
            yield "two", {}
        finally:
            ended.append(True)

    streamed = render_stream(events(), request_id="r")
    assert streamed.headers == {"content-type": MEDIA_TYPE, "x-amzn-requestid": "r"}
    buffer = EventStreamBuffer()
    buffer.add_data(await anext(streamed.parts))
    buffer.add_data(await anext(streamed.parts))
    assert [message.headers[":event-type"] for message in buffer] == ["initial-response", "one"]
    await streamed.parts.aclose()
    assert ended == [True]
