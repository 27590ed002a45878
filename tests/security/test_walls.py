"""Escapes that must fail, tried from inside a task by root."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, shell, until

pytestmark = pytest.mark.real

MARK = "bastide-security-mark"
ATTEMPTS = {
    "mount a filesystem": "mount -t tmpfs none /mnt",
    "mount proc again": "mount -t proc none /mnt",
    "load a module": "insmod /lib/modules/x.ko",
    "make a block device and read it": "mknod /tmp/disk b 254 0 && head -c 16 /tmp/disk",
    "make a memory device and read it": "mknod /tmp/mem c 1 1 && head -c 16 /tmp/mem",
    "trigger sysrq": "echo h > /proc/sysrq-trigger",
    "write a sysctl of the host": "echo 1 > /proc/sys/kernel/panic",
    "set the clock": "date -s 2001-01-01; [ $(date +%Y) = 2001 ]",
    "change the host name": "hostname evil",
    "add an address": "ip addr add 10.9.9.9/32 dev eth0",
    "take the network down": "ip link set eth0 down",
    "reach cloud metadata": "timeout 3 wget -qO- http://169.254.169.254/",
    "reboot": "reboot -f -n",
    "open a new mount namespace": "unshare -m true",
    "open a new user namespace with all rights": "unshare -r -m mount -t tmpfs none /mnt",
}


@pytest.fixture(scope="module")
def tried(bastide: Installation) -> Iterator[dict[str, str]]:
    """Every attempt, all in one task: what each came to."""
    lines = [
        f'if ({attempt}) >/tmp/out 2>&1; then echo "{name}=done: $(head -c 200 /tmp/out)"; '
        f'else echo "{name}=refused"; fi'
        for name, attempt in ATTEMPTS.items()
    ]
    arn = bastide.register("attempts", shell("app", "\n".join([*lines, "echo end=end"])))
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "STOPPED")
    output = bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}")
    yield dict(line.split("=", 1) for line in output if "=" in line)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_it_is_refused(tried: dict[str, str], name: str) -> None:
    assert tried["end"] == "end"
    assert tried[name] == "refused"


def look(bastide: Installation, family: str, script: str, **fields: Any) -> list[str]:
    arn = bastide.register(family, shell("app", script, **fields))
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "STOPPED")
    return bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}")


def test_no_process_of_the_host_is_seen(bastide: Installation) -> None:
    lines = look(bastide, "processes", "ps -o pid,args; ls -d /proc/[0-9]* | wc -l")
    assert not [line for line in lines if "containerd" in line or "bastide" in line or "runsc" in line]
    assert int(lines[-1]) < 10


def test_no_file_of_the_host_is_seen(bastide: Installation, tmp_path: Path) -> None:
    (tmp_path / MARK).write_text("secret")
    places = "/var/lib/bastide /run/bastide /run/containerd /var/run/docker.sock /boot /lib/modules"
    finds = f"find / -xdev -name {MARK} 2>/dev/null; find / -type s 2>/dev/null"
    assert look(bastide, "files", f"{finds}; ls -d {places} 2>/dev/null; echo end") == ["end"]


def test_the_other_kernel_answers(bastide: Installation) -> None:
    lines = look(bastide, "kernel", "uname -r; dmesg | head -3; cat /proc/version")
    assert lines[0] != os.uname().release
    assert any("gVisor" in line for line in lines)


def test_no_port_of_the_host_is_reached(bastide: Installation) -> None:
    """Every address this host has, and the one the task would take for its gateway, on our own ports."""
    port = bastide.environment["BASTIDE_PORT"]
    addresses = ["127.0.0.1", "172.31.0.1", "172.31.0.2", "169.254.170.2", *host_addresses()]
    tries = "; ".join(f"nc -w 1 {a} {port} </dev/null >/dev/null 2>&1 && echo reached {a}" for a in addresses)
    assert look(bastide, "ports", f"{tries}; echo end") == ["end"]


def test_one_task_does_not_see_another_ones_file(bastide: Installation) -> None:
    arn = bastide.register(
        "writer", shell("app", f"echo mine > /{MARK}; echo wrote; exec sleep 1000", stopTimeout=2)
    )
    writer = bastide.run_task(arn)[0]
    bastide.wait(writer, "RUNNING")
    until(lambda: bastide.log_lines(f"t/app/{writer.rsplit('/', 1)[-1]}"))
    assert look(bastide, "reader", f"find / -xdev -name {MARK}; echo end") == ["end"]
    bastide.stop(writer)


def test_privileges_cannot_be_gained(bastide: Installation) -> None:
    script = "grep -E 'Cap(Eff|Prm|Amb)' /proc/self/status; su -c id root 2>&1; chroot / id 2>&1; echo end"
    lines = look(bastide, "gain", script, user="1000:1000")
    assert [line.split()[1] for line in lines[:3]] == ["0" * 16] * 3
    assert not [line for line in lines if "uid=0" in line]


def test_secrets_are_in_no_process_arguments(bastide: Installation) -> None:
    container = shell(
        "app", "exec sleep 1000", environment=[{"name": "PASSWORD", "value": MARK}], stopTimeout=2
    )
    task = bastide.run_task(bastide.register("secret", container))[0]
    bastide.wait(task, "RUNNING")
    seen = [path for path in Path("/proc").glob("[0-9]*/cmdline") if MARK.encode() in read(path)]
    assert seen == []
    key = bastide.environment["AWS_SECRET_ACCESS_KEY"].encode()
    assert [path for path in Path("/proc").glob("[0-9]*/cmdline") if key in read(path)] == []
    for log in (bastide.folder / "data").rglob("*.log"):
        assert key not in log.read_bytes()
        assert MARK.encode() not in log.read_bytes()
    bastide.stop(task)


def read(path: Path) -> bytes:
    """A file that may be gone by now."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def host_addresses() -> list[str]:
    """IPv4 addresses of this host outside its loopback."""
    lines = subprocess.run(
        ["ip", "-4", "-o", "addr", "show", "scope", "global"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [line.split()[3].split("/")[0] for line in lines]
