"""Story: a port of the host for a task, over a restart of the agent, listed and taken back."""

import socket
from collections.abc import Iterator

import pytest

from tests.installation import CommandError, Installation, ask, free_port, shell, until

pytestmark = pytest.mark.real

SERVER = "echo here > /tmp/index.html; exec httpd -f -p 80 -h /tmp"


@pytest.fixture
def port(bastide: Installation) -> Iterator[int]:
    chosen = free_port()
    yield chosen
    bastide.bastide("publish", "--remove", str(chosen), check=False)


def own_address() -> str:
    """What this host is called by others; no packet is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def test_a_port_of_the_host_is_a_tasks(bastide: Installation, port: int) -> None:
    task = bastide.run_task(bastide.register("server", shell("app", SERVER, stopTimeout=2)), public=True)[0]
    address = bastide.public_address(bastide.wait(task, "RUNNING"))
    url = f"http://{own_address()}:{port}/"
    assert ask(url, timeout_s=1) == ""
    assert bastide.bastide("publish", str(port), f"{address}:80") == f"{port}/tcp -> {address}:80\n"
    assert until(lambda: ask(url, timeout_s=1)) == "here\n"
    assert f"{port}/tcp -> {address}:80" in bastide.bastide("publish")
    with pytest.raises(CommandError, match="is no public address of a task"):
        bastide.bastide("publish", str(port), "192.0.2.1:80")
    with pytest.raises(CommandError, match="is used by a program of this host"):
        bastide.bastide("publish", bastide.environment["BASTIDE_PORT"], f"{address}:80")
    assert bastide.bastide("publish", "--remove", str(port)) == f"{port}/tcp is no longer published\n"
    until(lambda: not ask(url, timeout_s=1))
    bastide.stop(task)
