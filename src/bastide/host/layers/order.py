"""What the agent tells the program about one layer: how much it may hold, where its bytes come from, and
where to say what was wrong.

containerd passes it on as a protobuf Any on descriptor 3; only its value is of interest.
"""

import json
from typing import NamedTuple

PROCESSOR_ID = "bastide"
MEDIA_TYPE = "application/vnd.bastide.layer"  # ours alone: no layer is unpacked without being looked at
PLAIN_TAR = "application/vnd.oci.image.layer.v1.tar"
TYPE_URL = "bastide/LayerOrder"
PIPE_BYTES = 1024 * 1024  # 64 KiB, the kernel's default, would have the two sides wait for each other


class Order(NamedTuple):
    """For one layer. No msgspec: it would take as long to import as all else in the program."""

    bytes_max: int  # of the whole image, unpacked
    entries_max: int
    reason: str  # a file that is made when the layer is refused
    bytes_below: int = 0  # of `bytes_max`, in the layers below
    entries_below: int = 0
    pipe: str = ""  # brings the layer's `size` bytes, which are not on standard input then
    size: int = 0


def render_order(order: Order) -> bytes:
    """The value of an Any."""
    return json.dumps(order._asdict()).encode()


def parse_any(data: bytes) -> Order:
    """The order in an Any. Raises ValueError when there is none."""
    at, value = 0, b""
    while at < len(data):
        field = data[at]
        length, at = _varint(data, at + 1)
        if field == 0x12:  # value, field 2
            value = data[at : at + length]
        elif field != 0x0A:  # type_url, field 1
            raise ValueError(f"field {field} is none of an Any's")
        at += length
    return Order(**json.loads(value))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return number, at
