"""Tasks that serve, and tasks that watch whether another one can be reached and write down each change."""

from typing import Any

from tests.installation import Installation, shell, until

SERVE = "echo here > /tmp/index.html; httpd -p {port} -h /tmp"
WATCH = """
was=
while :; do
    if timeout 1 wget -qO- http://{address}:{port}/ >/dev/null 2>&1; then now=open; else now=closed; fi
    [ "$now" = "$was" ] || echo $now
    was=$now
    sleep 0.2
done
"""


def serving(port: int) -> dict[str, Any]:
    """A container that answers HTTP on the port."""
    return shell("app", f"{SERVE.format(port=port)}; exec sleep 1000", log=False, stopTimeout=2)


def watching(address: str, port: int, *, first: str = "") -> dict[str, Any]:
    """A container that writes `open` or `closed` whenever that changes."""
    return shell("app", first + WATCH.format(address=address, port=port), stopTimeout=2)


def private_address(bastide: Installation, task: str) -> str:
    """Of a task, once it runs."""
    container = bastide.wait(task, "RUNNING")["containers"][0]
    return str(container["networkInterfaces"][0]["privateIpv4Address"])


def seen(bastide: Installation, task: str, *expected: str) -> list[str]:
    """What the watcher wrote, once it has written as much as is expected."""
    stream = f"t/app/{task.rsplit('/', 1)[-1]}"
    until(lambda: len(bastide.log_lines(stream)) >= len(expected), timeout_s=15)
    return bastide.log_lines(stream)


def new_group(bastide: Installation, name: str, *, vpc: str = "") -> str:
    """A security group that lets nobody in."""
    where = {"VpcId": vpc} if vpc else {}
    answer = bastide.client("ec2").create_security_group(GroupName=name, Description=name, **where)
    return str(answer["GroupId"])
