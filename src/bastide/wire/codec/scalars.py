"""Single values between Python and text, JSON and CBOR, strictly.

Timestamps are aware datetimes inside; results may also give them as epoch seconds. Numbers that are not
finite, or do not fit the model's type, are refused: no service behind this wire has a use for them.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from bastide.wire.malformed import unreadable

Read = Callable[[Any], Any]

INTEGER_MAX = 2**31 - 1  # 32 bits, the model's `integer`
LONG_MAX = 2**63 - 1  # 64 bits, the model's `long`
NUMBER_TEXT_MAX = 64  # characters; longer digit strings cost quadratic time to convert

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_JSON_NAMES = {int: "NUMBER_VALUE", float: "NUMBER_VALUE", str: "STRING_VALUE"}


def json_name(value: object) -> str:
    """What the services call a JSON value in their complaints."""
    if value is True or value is False:
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    return _JSON_NAMES.get(type(value), "Value")


def _refuse(value: object, wanted: str) -> Exception:
    if isinstance(value, dict):
        return unreadable("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return unreadable("Start of list found where not expected.")
    return unreadable(f"{json_name(value)} can not be converted to {wanted}")


def read_string(value: Any) -> str:
    if type(value) is not str:
        raise _refuse(value, "a String")
    return value


def read_boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise _refuse(value, "a Boolean")
    return value


def _whole(value: Any, limit: int, wanted: str) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise _refuse(value, wanted)
    if not -limit - 1 <= value <= limit:
        raise unreadable(f"Number is out of range for {wanted}")
    return value


def read_integer(value: Any) -> int:
    return _whole(value, INTEGER_MAX, "an Integer")


def read_long(value: Any) -> int:
    return _whole(value, LONG_MAX, "a Long")


def read_float(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        raise _refuse(value, "a Double")
    try:
        number = float(value)
    except OverflowError as cause:
        raise unreadable("Number is out of range for a Double") from cause
    if not math.isfinite(number):
        raise unreadable("Number is not finite")
    return number


def read_base64(value: Any) -> bytes:
    if type(value) is not str:
        raise _refuse(value, "a Blob")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as cause:
        raise unreadable("Blob is not valid base64") from cause


def read_epoch(value: Any) -> datetime:
    """Seconds since 1970, whole or not."""
    seconds = read_float(value)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as cause:
        raise unreadable("Timestamp is out of range") from cause


def _aware(parsed: datetime) -> datetime:
    try:
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (OverflowError, ValueError) as cause:
        raise unreadable("Timestamp is out of range") from cause


def read_iso8601(value: Any) -> datetime:
    if type(value) is not str or len(value) > NUMBER_TEXT_MAX:
        raise unreadable("Timestamp is not in ISO 8601 format")
    if _FLOAT.fullmatch(value) and len(value) != len("20250102"):
        return read_epoch(float(value))
    try:
        return _aware(datetime.fromisoformat(value))
    except ValueError as cause:
        raise unreadable("Timestamp is not in ISO 8601 format") from cause


def read_rfc822(value: Any) -> datetime:
    if type(value) is not str or len(value) > NUMBER_TEXT_MAX:
        raise unreadable("Timestamp is not an HTTP date")
    try:
        return _aware(parsedate_to_datetime(value))
    except (ValueError, TypeError, IndexError, OverflowError) as cause:
        raise unreadable("Timestamp is not an HTTP date") from cause


def _text_whole(text: str, limit: int, wanted: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise unreadable(f"STRING_VALUE can not be converted to {wanted}")
    return _whole(int(text), limit, wanted)


def _text_float(text: str) -> float:
    if len(text) > NUMBER_TEXT_MAX or not _FLOAT.fullmatch(text):
        raise unreadable("STRING_VALUE can not be converted to a Double")
    return read_float(float(text))


def _text_boolean(text: str) -> bool:
    if text in ("true", "false"):
        return text == "true"
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise unreadable("STRING_VALUE can not be converted to a Boolean")


def _text_epoch(text: Any) -> datetime:
    return read_epoch(_text_float(text) if type(text) is str else text)


TIMESTAMP_READERS: Mapping[str, Read] = {
    "unixtimestamp": _text_epoch,
    "iso8601": read_iso8601,
    "rfc822": read_rfc822,
}

JSON_READERS: Mapping[str, Read] = {
    "string": read_string,
    "character": read_string,
    "boolean": read_boolean,
    "integer": read_integer,
    "long": read_long,
    "float": read_float,
    "double": read_float,
    "blob": read_base64,
    "timestamp": read_epoch,
}

TEXT_READERS: Mapping[str, Read] = {
    "string": read_string,
    "character": read_string,
    "boolean": _text_boolean,
    "integer": lambda text: _text_whole(text, INTEGER_MAX, "an Integer"),
    "long": lambda text: _text_whole(text, LONG_MAX, "a Long"),
    "float": _text_float,
    "double": _text_float,
    "blob": read_base64,
    "timestamp": read_iso8601,
}


def _as_datetime(value: datetime | float) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)


def render_epoch(value: datetime | float) -> float:
    """Epoch seconds with milliseconds, as the services answer."""
    return round(value.timestamp() if isinstance(value, datetime) else value, 3)


def render_iso8601(value: datetime | float) -> str:
    moment = _as_datetime(value).astimezone(UTC)
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def render_rfc822(value: datetime | float) -> str:
    return format_datetime(_as_datetime(value).astimezone(UTC).replace(microsecond=0), usegmt=True)


def render_base64(value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def render_boolean(value: bool) -> str:
    return "true" if value else "false"


TIMESTAMP_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    "unixtimestamp": render_epoch,
    "iso8601": render_iso8601,
    "rfc822": render_rfc822,
}

TEXT_WRITERS: Mapping[str, Callable[[Any], str]] = {
    "string": str,
    "character": str,
    "boolean": render_boolean,
    "integer": str,
    "long": str,
    "float": str,
    "double": str,
    "blob": render_base64,
    "timestamp": render_iso8601,
}


def text_reader(shape: Any, *, timestamp_format: str) -> Read:
    """How a scalar of this shape is read from text where timestamps default to `timestamp_format`."""
    if shape.type_name == "timestamp":
        return TIMESTAMP_READERS[shape.serialization.get("timestampFormat", timestamp_format).lower()]
    return TEXT_READERS[shape.type_name]


def text_writer(shape: Any, *, timestamp_format: str) -> Callable[[Any], str]:
    """How a scalar of this shape is written as text where timestamps default to `timestamp_format`."""
    if shape.type_name == "timestamp":
        render = TIMESTAMP_WRITERS[shape.serialization.get("timestampFormat", timestamp_format).lower()]
        return lambda value: str(render(value))
    return TEXT_WRITERS[shape.type_name]
