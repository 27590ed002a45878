"""What an operator types for an EFS file system."""

import pytest

from bastide.model.faults import Invalid
from bastide.model.file_systems import (
    AccessPoint,
    FileSystem,
    check_file_system_id,
    parse_access_point,
    parse_source,
    render_access_point,
)


def test_a_folder_is_an_absolute_path() -> None:
    assert parse_source("/srv//data/./x/..") == "/srv/data"
    assert FileSystem(source="/srv/data").nfs is None


@pytest.mark.parametrize(
    ("typed", "export"),
    [
        ("nfs://server/export", "server:/export"),
        ("nfs://10.0.0.1/a/b", "10.0.0.1:/a/b"),
        ("nfs://[fd00::1]/a", "[fd00::1]:/a"),
    ],
)
def test_an_export_is_named_as_mount_takes_it(typed: str, export: str) -> None:
    assert FileSystem(source=parse_source(typed)).nfs == export


@pytest.mark.parametrize(
    "typed", ["data", "nfs://", "nfs://server", "nfs://-o,x/y", "nfs:///x", "nfs://s/../x", "http://s/x", ""]
)
def test_anything_else_is_no_source(typed: str) -> None:
    with pytest.raises(Invalid, match=r"must be|no export"):
        parse_source(typed)


@pytest.mark.parametrize("typed", ["fs-1234567", "fs-1234567g", "efs-12345678", "fs-12345678/", ""])
def test_an_id_looks_like_one(typed: str) -> None:
    assert check_file_system_id("fs-0123456789abcdef0") == "fs-0123456789abcdef0"
    with pytest.raises(Invalid, match="no file system id"):
        check_file_system_id(typed)


def test_an_access_point_is_read_as_it_is_written() -> None:
    name, point = parse_access_point("fsap-12345678=/app/data,1000,1001")
    assert point == AccessPoint(path="/app/data", uid=1000, gid=1001)
    assert render_access_point(name, point) == "fsap-12345678=/app/data,1000,1001"
    assert parse_access_point("fsap-12345678=/") == ("fsap-12345678", AccessPoint(path="/"))


@pytest.mark.parametrize(
    "typed",
    [
        *("fsap-12345678", "fsap-12345678=data", "fsap-12345678=/x,1", "fsap-1=/x", "fsap-12345678=/../x"),
        "fsap-12345678=/x,4294967295,0",
    ],
)
def test_anything_else_is_no_access_point(typed: str) -> None:
    with pytest.raises(Invalid):
        parse_access_point(typed)
