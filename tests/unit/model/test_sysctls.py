"""Which kernel parameters a task can have, and with which values."""

import pytest

from bastide.model.status import RuntimeClass
from bastide.model.sysctls import why_not, written_inside

GVISOR, RUNC = RuntimeClass.GVISOR, RuntimeClass.RUNC


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("net.ipv4.ip_local_port_range", "20000 21000"),
        ("net.ipv4.ip_local_port_range", "20000\t20000"),
        ("net.ipv4.tcp_rmem", "4096 8192 16384"),
        ("net.ipv4.tcp_wmem", " 4096  8192 16384 "),
        ("net.ipv4.tcp_sack", "0"),
        ("net.ipv6.conf.all.disable_ipv6", "1"),
        ("kernel.sem", "32000\t1024000000\t500\t32000"),
        ("net.core.somaxconn", "1024"),
        ("net.ipv4.ip_unprivileged_port_start", "0"),
    ],
)
def test_it_takes_effect(name: str, value: str) -> None:
    assert why_not(name, value, GVISOR) is None
    assert why_not(name, value, RUNC) is None


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("net.ipv4.tcp_keepalive_time", "500", "no such parameter that can be changed"),
        ("fs.mqueue.msg_max", "10", "no such parameter that can be changed"),
        ("kernel.shm_rmid_forced", "1", "no such parameter that can be changed"),
        ("net.core.somaxconn", "4096", "it always has the value '1024'"),
        ("kernel.msgmax", "65536", "it always has the value '8192'"),
        ("net.ipv4.ip_local_port_range", "21000 20000", "cannot have the value '21000 20000'"),
        ("net.ipv4.ip_local_port_range", "1 65536", "cannot have"),
        ("net.ipv4.ip_local_port_range", "-1 5", "cannot have"),
        ("net.ipv4.tcp_rmem", "4096", "cannot have"),
        ("net.ipv4.tcp_rmem", "9 8 7", "cannot have"),
        ("net.ipv4.tcp_wmem", "1 2 99999999999", "cannot have"),
        ("net.ipv4.tcp_sack", "2", "cannot have"),
        ("net.ipv4.tcp_sack", "", "cannot have"),
    ],
)
def test_it_does_not_and_says_why(name: str, value: str, why: str) -> None:
    said = why_not(name, value, GVISOR)
    assert said is not None
    assert why in said
    assert why_not(name, value, RUNC) is None  # the kernel has it, and says itself what it cannot be


def test_what_can_be_written_inside_is() -> None:
    asked = {
        "net.ipv4.tcp_rmem": " 4096\t8192  16384",
        "net.core.somaxconn": "1024",
        "net.ipv6.conf.all.disable_ipv6": "1",
    }
    assert written_inside(asked, GVISOR) == {"/proc/sys/net/ipv4/tcp_rmem": "4096 8192 16384"}
    assert written_inside(asked, RUNC) == {}
