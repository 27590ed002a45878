"""The process of an exec session."""

from typing import Any

import pytest

from bastide.model.faults import Invalid
from bastide.plan.oci.execs import render_exec_process, split_command

OWN: dict[str, Any] = {
    "args": ["server"],
    "cwd": "/srv",
    "env": ["PATH=/bin", "TERM=vt100"],
    "terminal": False,
    "user": {"uid": 1000, "gid": 1000, "additionalGids": [5], "umask": 18},
    "noNewPrivileges": True,
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1}],
    "capabilities": {
        "bounding": ["CAP_KILL"],
        "effective": [],
        "permitted": [],
        "inheritable": [],
        "ambient": [],
    },
}


def test_it_is_roots_on_a_terminal_within_what_the_container_may_have() -> None:
    process = render_exec_process(OWN, ("sh", "-l"))
    assert process["args"] == ["sh", "-l"]
    assert process["terminal"] is True
    assert (process["user"]["uid"], process["user"]["gid"], process["user"]["additionalGids"]) == (0, 0, [])
    allowed = {"bounding", "effective", "permitted"}
    assert process["capabilities"] == {
        name: ["CAP_KILL"] if name in allowed else [] for name in OWN["capabilities"]
    }
    for kept in ("cwd", "noNewPrivileges", "rlimits"):
        assert process[kept] == OWN[kept]


def test_what_the_container_has_in_its_environment_stays() -> None:
    assert render_exec_process(OWN, ("sh",))["env"] == ["PATH=/bin", "TERM=vt100", "LANG=C.UTF-8"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh", ("sh",)),
        ("", ("sh",)),
        ("   ", ("sh",)),
        ("sh -c 'echo \"a b\"'", ("sh", "-c", 'echo "a b"')),
        ("echo a; ls", ("echo", "a;", "ls")),
    ],
)
def test_a_command_is_split_without_a_shell(command: str, words: tuple[str, ...]) -> None:
    assert split_command(command) == words


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(Invalid):
        split_command("sh -c 'echo")
