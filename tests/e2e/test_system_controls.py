"""Story: a kernel parameter of a task definition takes effect in the task, or RunTask says why not."""

import pytest
from botocore.exceptions import ClientError

from tests.installation import Installation, shell

pytestmark = pytest.mark.real

ASKED = {
    "net.ipv4.ip_local_port_range": "20000 20099",
    "net.ipv4.tcp_rmem": "4096 8192 16384",
    "net.ipv4.tcp_wmem": "4096 16384 32768",
    "net.ipv4.tcp_sack": "0",
    "net.ipv6.conf.all.disable_ipv6": "1",
    "net.core.somaxconn": "1024",
    "kernel.msgmni": "32000",
}
BUILT_IN = ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni")


def controls(**values: str) -> list[dict[str, str]]:
    return [{"namespace": name, "value": value} for name, value in values.items()]


def test_what_can_be_changed_is(bastide: Installation) -> None:
    files = " ".join(f"/proc/sys/{name.replace('.', '/')}" for name in ASKED if "ipv6" not in name)
    script = (
        f"for f in {files}; do echo $(cat $f); done; echo addresses $(wc -l < /proc/net/if_inet6); "
        "httpd -p 80 -h /www; (sleep 3 | nc 127.0.0.1 80 &); sleep 1; "
        "awk '$3 ~ /:0050$/ { print $2 }' /proc/net/tcp"
    )
    arn = bastide.register("controls", shell("app", script, systemControls=controls(**ASKED)))
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "STOPPED")
    *values, addresses, connection = bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}")
    assert values == [value for name, value in ASKED.items() if "ipv6" not in name]
    assert addresses == "addresses 0"
    assert 20000 <= int(connection.rsplit(":", 1)[1], 16) <= 20099


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("net.ipv4.tcp_keepalive_time", "500", "has no such parameter that can be changed"),
        ("net.core.somaxconn", "4096", "it always has the value '1024'"),
    ],
)
def test_what_cannot_is_refused_with_the_reason(
    bastide: Installation, name: str, value: str, reason: str
) -> None:
    arn = bastide.register("controls", shell("app", "true", systemControls=controls(**{name: value})))
    with pytest.raises(ClientError) as refused:
        bastide.run_task(arn)
    assert "(ClientException) when calling the RunTask operation" in str(refused.value)
    assert f"The system control '{name}' of container 'app' would take no effect: " in str(refused.value)
    assert reason in str(refused.value)


def test_the_constants_are_the_sandboxes_own(bastide: Installation) -> None:
    """Those that are accepted because they are so anyway: read in a task that asks for none."""
    script = f"for n in {' '.join(BUILT_IN)}; do echo $(cat /proc/sys/kernel/$n); done"
    task = bastide.run_task(
        bastide.register("constants", shell("app", f"{script}; {LOW_PORT}", user="1000"))
    )[0]
    bastide.wait(task, "STOPPED")
    huge = "18446744073692774399"
    assert bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}") == [
        *("8192", "16384", "32000", "32000 1024000000 500 32000", huge, huge, "4096"),
        "bound",
    ]


LOW_PORT = "(nc -l -p 81 & echo $! > /tmp/pid); sleep 1; kill $(cat /tmp/pid) && echo bound"
