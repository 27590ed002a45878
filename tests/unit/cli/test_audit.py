"""`bastide audit`: which records it shows, and how."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from bastide.cli import build_parser
from bastide.cli.operator.audit import audit, read_last, render_line
from bastide.config import Settings
from bastide.model.faults import NotFound
from bastide.store.audit.records import Record, render_record
from bastide.store.audit.segments import append_once


def record(name: str, **changed: Any) -> Record:
    said: dict[str, Any] = {
        "identity": {"type": "IAMUser", "userName": "alice"},
        "time": "2030-01-02T03:04:05Z",
        "source": "ecs.amazonaws.com",
        "name": name,
        "region": "r",
        "address": "192.0.2.1",
        "user_agent": "",
        "request_id": "",
        "event_id": "",
        "is_read_only": False,
        "account": "",
    }
    return Record(**said | changed)


RECORDS = (
    record("RunTask", resources=[{"type": "AWS::ECS::Cluster", "resourceName": "web"}]),
    record("ListTasks", is_read_only=True, identity={"type": "Root"}),
    record("StopTask", error_code="AccessDeniedException", error_message="no", address="192.0.2.2"),
    record("ListTasks", is_read_only=True, identity={"type": "Unknown", "accessKeyId": "AKIA0"}),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data_root=tmp_path)
    made.audit_folder.mkdir(parents=True)
    append_once(made.audit_folder, b"".join(map(render_record, RECORDS)))
    return made


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ((), ["RunTask", "ListTasks", "StopTask", "ListTasks"]),
        (("-n", "2"), ["StopTask", "ListTasks"]),
        (("--user", "alice"), ["RunTask", "StopTask"]),
        (("--user", "root"), ["ListTasks"]),
        (("--operation", "stoptask"), ["StopTask"]),
        (("--errors",), ["StopTask"]),
        (("--writes",), ["RunTask", "StopTask"]),
        (("--address", "192.0.2.2"), ["StopTask"]),
        (("--writes", "-n", "1"), ["StopTask"]),
    ],
)
def test_what_is_asked_for_is_shown_the_oldest_first(
    settings: Settings, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], names: list[str]
) -> None:
    assert audit(settings, asked(*flags)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("ecs:")[1].split()[0] for line in lines] == names


def test_as_json_it_is_the_record(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    audit(settings, asked("--json", "-n", "1"))
    assert capsys.readouterr().out.encode() == render_record(RECORDS[-1])


def test_a_line_says_who_what_and_how_it_ended() -> None:
    assert render_line(RECORDS[0]) == "2030-01-02T03:04:05Z  alice  192.0.2.1  ecs:RunTask  web"
    assert render_line(RECORDS[2]).endswith("ecs:StopTask  AccessDeniedException: no")
    assert "  AKIA0  " in render_line(RECORDS[3])
    assert "\x1b" not in render_line(record("x", error_code="E", error_message="\x1b[2J"))


def test_without_an_installation_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="bastide up"):
        audit(Settings(data_root=tmp_path), asked())


def test_nothing_fits(settings: Settings) -> None:
    assert read_last(settings.audit_folder, lambda record: False, 5) == []


def asked(*flags: str) -> argparse.Namespace:
    return build_parser().parse_args(["audit", *flags])
