"""The pieces protocols are made of, at their edges."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.wire.cbor import decode_cbor, encode_cbor
from bastide.wire.codec import scalars
from bastide.wire.codec.rest import split_header
from bastide.wire.codec.routes import Routes
from bastide.wire.codec.xml_reader import parse_xml
from bastide.wire.codec.xml_writer import escape
from bastide.wire.malformed import Malformed
from bastide.wire.models import service
from bastide.wire.query import grow_tree, numbered, parse_form

MOMENT = datetime(2025, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
PLAIN: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(value=PLAIN)
def test_cbor_comes_back_as_it_went(value: Any) -> None:
    assert decode_cbor(encode_cbor(value)) == value


def test_cbor_of_unknown_length_is_read() -> None:
    assert decode_cbor(b"\xbf\x61a\x9f\x01\x02\xff\x61b\x7f\x61x\x61y\xff\xff") == {"a": [1, 2], "b": "xy"}
    assert decode_cbor(b"\xc1\x1a\x67\x76\x02\xa5") == datetime(2025, 1, 2, 3, 6, 13, tzinfo=UTC)


@given(text=st.text())
def test_escaped_text_is_read_back(text: str) -> None:
    read = parse_xml(f"<a>{escape(text)}</a>".encode()).text
    assert len(read) == len(text)
    assert all(one == other or one == "\ufffd" for one, other in zip(read, text, strict=True))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-02T03:04:05.678Z", MOMENT),
        ("2025-01-02T04:04:05.678+01:00", MOMENT),
        ("2025-01-02T03:04:05", MOMENT.replace(microsecond=0)),
        ("20250102", datetime(2025, 1, 2, tzinfo=UTC)),
        ("1735787045.678", MOMENT),
    ],
)
def test_timestamps_are_read_in_their_usual_forms(text: str, moment: datetime) -> None:
    assert scalars.read_iso8601(text) == moment


@pytest.mark.parametrize(
    "text", ["", "now", "9" * 40, "1e300", "2025-13-01", "0001-01-01T00:00:00+23:59", "x" * 10_000]
)
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    for read in scalars.TIMESTAMP_READERS.values():
        with pytest.raises(Malformed):
            read(text)


def test_timestamps_are_written_as_the_services_do() -> None:
    there = MOMENT.astimezone(timezone(timedelta(hours=5)))
    assert scalars.render_iso8601(there) == "2025-01-02T03:04:05.678Z"
    assert scalars.render_iso8601(1735787045.0) == "2025-01-02T03:04:05Z"
    assert scalars.render_epoch(MOMENT) == scalars.render_epoch(1735787045.6780001) == 1735787045.678
    assert scalars.render_rfc822(there) == "Thu, 02 Jan 2025 03:04:05 GMT"


def test_forms_become_trees() -> None:
    fields = parse_form(b"A=1&B.member.1.C=x+y%26&B.member.2.C=%C3%A9&E=")
    assert fields == {"A": "1", "B.member.1.C": "x y&", "B.member.2.C": "é", "E": ""}
    tree = grow_tree(fields)
    assert [item["C"][""] for item in numbered(tree["B"]["member"])] == ["x y&", "é"]
    assert numbered(tree["E"]) == []


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a,b , c", ["a", "b", "c"]),
        ('"a,b", c', ["a,b", "c"]),
        ('"a\\"b",c', ['a"b', "c"]),
        ('"open', ["open"]),
        ("", [""]),
        ("a,", ["a", ""]),
    ],
)
def test_header_lists_are_split(text: str, items: list[str]) -> None:
    assert split_header(text) == items


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "operation"),
    [
        ("GET", "/", "", {}, "ListBuckets"),
        ("GET", "/b", "", {}, "ListObjects"),
        ("GET", "/b/", "list-type=2", {}, "ListObjectsV2"),
        ("GET", "/b", "location", {}, "GetBucketLocation"),
        ("GET", "/b/k/with/slashes", "", {}, "GetObject"),
        ("GET", "/b/k", "uploadId=1", {}, "ListParts"),
        ("PUT", "/b/k", "", {}, "PutObject"),
        ("PUT", "/b/k", "partNumber=1&uploadId=1", {}, "UploadPart"),
        ("PUT", "/b/k", "", {"x-amz-copy-source": "/a/b"}, "CopyObject"),
        ("POST", "/b", "delete", {}, "DeleteObjects"),
    ],
)
def test_s3_operations_are_told_apart(
    method: str, path: str, query: str, headers: dict[str, str], operation: str
) -> None:
    assert Routes(service("s3")).find(method, path, query, headers)[0] == operation


def test_labels_are_decoded_once() -> None:
    _, labels = Routes(service("s3")).find("GET", "/b%2Fc/k%2520/d", "", {})
    assert labels == {"Bucket": "b/c", "Key": "k%20/d"}


@pytest.mark.parametrize(
    ("method", "path", "operation", "labels"),
    [
        ("GET", "/", "ListBuckets", {}),
        ("PUT", "/b", "CreateBucket", {"Bucket": "b"}),
        ("PUT", "/b/", "CreateBucket", {"Bucket": "b"}),
        ("PUT", "/b/k", "PutObject", {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/dir/", "PutObject", {"Bucket": "b", "Key": "dir/"}),
        ("PUT", "/b//k//x/", "PutObject", {"Bucket": "b", "Key": "/k//x/"}),
        ("PUT", "/b/a%2Fb%20c", "PutObject", {"Bucket": "b", "Key": "a/b c"}),
        ("PUT", "/b//", "PutObject", {"Bucket": "b", "Key": "/"}),
        ("DELETE", "/b//", "DeleteObject", {"Bucket": "b", "Key": "/"}),
    ],
)
def test_a_key_keeps_every_slash(method: str, path: str, operation: str, labels: dict[str, str]) -> None:
    assert Routes(service("s3")).find(method, path, "", {}) == (operation, labels)
