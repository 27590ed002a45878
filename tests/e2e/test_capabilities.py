"""Story: what a container may do is Docker's default, less what it drops; with SYS_PTRACE it may trace."""

from typing import Any

import pytest

from tests.installation import Installation, shell
from tests.programs import ATTACH, machine_has, writing

pytestmark = pytest.mark.real

# capability(7)'s numbers, so that the expectation owes nothing to the code.
NUMBERS = {
    **{"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7},
    **{"SETPCAP": 8, "NET_BIND_SERVICE": 10, "NET_RAW": 13, "SYS_CHROOT": 18, "SYS_PTRACE": 19, "MKNOD": 27},
    **{"AUDIT_WRITE": 29, "SETFCAP": 31},
}
DEFAULT = NUMBERS.keys() - {"SYS_PTRACE"}
CASES: dict[str, tuple[dict[str, list[str]], set[str]]] = {
    "default": ({}, set(DEFAULT)),
    "one": ({"drop": ["NET_RAW"]}, DEFAULT - {"NET_RAW"}),
    "some": ({"drop": ["MKNOD", "SETUID", "SYS_ADMIN"]}, DEFAULT - {"MKNOD", "SETUID"}),
    "all": ({"drop": ["ALL"]}, set()),
    "trace": ({"add": ["SYS_PTRACE"]}, DEFAULT | {"SYS_PTRACE"}),
    "trace-alone": ({"drop": ["ALL"], "add": ["SYS_PTRACE"]}, {"SYS_PTRACE"}),
    "both-ways": (
        {"drop": ["SYS_PTRACE", "CHOWN"], "add": ["SYS_PTRACE"]},
        (DEFAULT - {"CHOWN"}) | {"SYS_PTRACE"},
    ),
}
READ = "sed -n 's/^Cap\\(Prm\\|Eff\\|Bnd\\):\\t/\\1 /p' /proc/self/status"


def mask(names: set[str]) -> str:
    return f"{sum(1 << NUMBERS[name] for name in names):016x}"


def test_the_sets_inside_are_the_computed_ones(bastide: Installation) -> None:
    containers = [
        shell(name, READ, essential=name == "default", linuxParameters={"capabilities": asked})
        for name, (asked, _) in CASES.items()
    ]
    containers[0]["dependsOn"] = [
        {"containerName": name, "condition": "SUCCESS"} for name in CASES if name != "default"
    ]
    user = shell("user", READ, essential=False, user="1000")
    containers[0]["dependsOn"].append({"containerName": "user", "condition": "SUCCESS"})
    task = bastide.run_task(bastide.register("capabilities", *containers, user))[0]
    bastide.wait(task, "STOPPED", timeout_s=120)
    stream = "t/{}/" + task.rsplit("/", 1)[-1]
    for name, (_, held) in CASES.items():
        seen = bastide.log_lines(stream.format(name))
        assert seen == [f"{kind} {mask(held)}" for kind in ("Prm", "Eff", "Bnd")], name
    none, whole = mask(set()), mask(set(DEFAULT))
    assert bastide.log_lines(stream.format("user")) == [f"Prm {none}", f"Eff {none}", f"Bnd {whole}"]


def traced(bastide: Installation, capabilities: dict[str, Any]) -> list[str]:
    """What came of attaching to the process of another container and another user: the errno, 0 for none."""
    script = (
        f"{writing(ATTACH, '/tmp/attach')}; until p=$(pidof sleep); do sleep 0.1; done; "
        "/tmp/attach ${p%% *}; echo attached $?"
    )
    target = shell("target", "exec sleep 4321", essential=False, user="1000", stopTimeout=2)
    tracer = shell("app", script, linuxParameters={"capabilities": capabilities})
    tracer["dependsOn"] = [{"containerName": "target", "condition": "START"}]
    task = bastide.run_task(bastide.register("trace", target, tracer, pidMode="task"))[0]
    bastide.wait(task, "STOPPED")
    return bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}")


@pytest.mark.skipif(not machine_has(ATTACH), reason="no tracer for this machine")
def test_another_containers_process_is_traced_with_sys_ptrace_alone(bastide: Installation) -> None:
    assert traced(bastide, {"add": ["SYS_PTRACE"]}) == ["attached 0"]
    assert traced(bastide, {}) == ["attached 1"]  # EPERM
