"""Published ports of a machine made for it: what its LAN reaches by them, and that nothing else opens."""

import sys
from pathlib import Path

import pytest

from bastide.host.network.publications import save_publications
from bastide.model.network.publication import HostPort, Publication
from tests.contract.machine import LAN_IP, MACHINE_IP, TASK, Machine
from tests.contract.machine import machine as machine
from tests.contract.network_world import PORT, answering, ask, is_silent, make_eni, run_inside

pytestmark = pytest.mark.real
HOST_PORT = 18080
CALL = """
import asyncio, sys
from functools import partial
from pathlib import Path
from bastide.host import names
from bastide.host.network.publications import Publications
from bastide.plan.publication import render_published
render = partial(render_published, links=names.TRANSIT_LINKS)
async def keep():
    made = Publications(sys.argv[1], Path(sys.argv[2]), render)
    await made.ensure_publications()
    await made.ensure_publications()
asyncio.run(keep())
"""


class Publisher:
    """An agent on the machine, as far as its ports go."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.file = machine, Path(machine.folder) / "published.json"
        self.address = make_eni(1, public=True).public_ip or ""

    def publish(self, *ports: int) -> None:
        """These ports, and no others, are the task's."""
        save_publications(self.file, [Publication(HostPort(p, "tcp"), self.address, PORT) for p in ports])
        self.look()

    def look(self) -> None:
        """Another agent begins."""
        run_inside(self.machine.main, sys.executable, "-c", CALL, self.machine.instance, str(self.file))


@pytest.fixture
def publisher(machine: Machine) -> Publisher:
    return Publisher(machine)


def test_the_lan_reaches_a_task_by_the_machines_port(publisher: Publisher) -> None:
    machine = publisher.machine
    netns = machine.call(TASK, make_eni(1, public=True))
    with answering(netns, "task"):
        assert is_silent(machine.lan, MACHINE_IP, port=HOST_PORT)
        publisher.publish(HOST_PORT)
        # The task sees who it is, so that its groups can decide by that.
        assert ask(machine.lan, MACHINE_IP, port=HOST_PORT) == f"task heard {LAN_IP}"
        assert ask(machine.main, MACHINE_IP, port=HOST_PORT) == f"task heard {MACHINE_IP}"
        assert is_silent(machine.lan, MACHINE_IP, port=HOST_PORT + 1)
        assert is_silent(machine.lan, MACHINE_IP, port=PORT)
    publisher.publish()


def test_it_outlives_whoever_made_it_and_is_put_back_when_it_is_lost(publisher: Publisher) -> None:
    machine = publisher.machine
    netns = machine.call(TASK, make_eni(1, public=True))
    publisher.publish(HOST_PORT)
    with answering(netns, "task"):
        assert ask(machine.lan, MACHINE_IP, port=HOST_PORT) == f"task heard {LAN_IP}"
        run_inside(machine.main, "nft", "delete", "table", "inet", f"published-{machine.instance}")
        assert is_silent(machine.lan, MACHINE_IP, port=HOST_PORT)
        publisher.look()
        assert ask(machine.lan, MACHINE_IP, port=HOST_PORT) == f"task heard {LAN_IP}"
    publisher.publish()


def test_what_is_taken_back_is_closed_and_nothing_stays(publisher: Publisher) -> None:
    machine = publisher.machine
    netns = machine.call(TASK, make_eni(1, public=True))
    publisher.publish(HOST_PORT, HOST_PORT + 1)
    publisher.publish(HOST_PORT + 1)
    with answering(netns, "task"):
        assert is_silent(machine.lan, MACHINE_IP, port=HOST_PORT)
        assert ask(machine.lan, MACHINE_IP, port=HOST_PORT + 1) == f"task heard {LAN_IP}"
    publisher.publish()
    assert f"published-{machine.instance}" not in run_inside(machine.main, "nft", "list", "tables")


def test_a_task_does_not_get_back_in_by_it(publisher: Publisher) -> None:
    machine = publisher.machine
    netns = machine.call(TASK, make_eni(1, public=True))
    publisher.publish(HOST_PORT)
    with answering(netns, "task"):
        assert is_silent(netns, MACHINE_IP, port=HOST_PORT)
    publisher.publish()
