"""What the agent tells the program about one layer: how much it may hold, and where to say what was wrong.

containerd passes it on as a protobuf Any on descriptor 3; only its value is of interest.
"""

import msgspec

PROCESSOR_ID = "bastide"
MEDIA_TYPE = "application/vnd.bastide.layer"  # ours alone: no layer is unpacked without being looked at
PLAIN_TAR = "application/vnd.oci.image.layer.v1.tar"
TYPE_URL = "bastide/LayerOrder"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """For one layer."""

    bytes_max: int  # of the unpacked tar
    entries_max: int
    reason: str  # a file that is made when the layer is refused


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
    return msgspec.json.decode(value, type=Order)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return number, at
