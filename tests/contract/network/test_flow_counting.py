"""Real packets, counted by a real router: what flow logs are made of."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bastide.model.network import FlowLog, Interface, SecurityGroup, SecurityGroupRule, Traffic, assemble_vpcs
from bastide.model.network.flows import CountedFlows
from bastide.plan.flow_log import Meter, measure, render_records
from tests.contract.network_world import answering, ask, is_silent, make_eni, make_network, words_of
from tests.real_host import instance_name, nothing_left, require_root
from tests.vpcs import open_parts

pytestmark = pytest.mark.real
CALLER, SERVER = make_eni(1), make_eni(2)
TASKS = {"a" * 32: CALLER, "b" * 32: SERVER}
OPEN, SHUT = 8080, 8081
LOG = FlowLog(id="fl-1", resource_id="vpc-a", log_group="flows", traffic="ALL", interval_s=60)


async def test_what_the_router_counted_becomes_records(tmp_path: Path) -> None:
    require_root("nft", "ip", "nsenter")
    instance = instance_name("w")
    network = make_network(instance, tmp_path).network
    parts = {part.id: part for part in open_parts(TASKS)}
    server = parts[SERVER.id]
    assert isinstance(server, Interface)
    opened = Traffic(protocol=6, first=OPEN, last=OPEN)
    web = SecurityGroupRule(
        id="sgr-web", group_id="sg-web", is_egress=False, cidr="0.0.0.0/0", traffic=opened
    )
    changed = (replace(server, group_ids=("sg-web",)), SecurityGroup(id="sg-web", vpc_id="vpc-a"), web)
    parts |= {part.id: part for part in changed}
    with nothing_left(*words_of(instance)):
        network.know(assemble_vpcs(parts.values()))
        caller, target = [await network.ensure_eni(eni, task_id=task) for task, eni in TASKS.items()]
        with answering(target, "server", port=OPEN):
            ask(caller, SERVER.private_ip, port=OPEN)
            assert await network.read_flows("vpc-a") == CountedFlows({}, {})  # nobody wants to know
            state = assemble_vpcs([*parts.values(), LOG])["vpc-a"]
            network.know({"vpc-a": state})
            await network.ensure_vpc("vpc-a")
            ask(caller, SERVER.private_ip, port=OPEN)
            assert is_silent(caller, SERVER.private_ip, port=SHUT)
        _, flows = measure(Meter(), await network.read_flows("vpc-a"))
        told = {
            eni.id: [
                (fields[3], fields[4], int(fields[6]), int(fields[8]) > 0, fields[12])
                for line in render_records(
                    state, state.interfaces[eni.id], flows, traffic="ALL", account="1", window=(0, 60)
                )
                if (fields := line.split())
            ]
            for eni in (CALLER, SERVER)
        }
        here, there = CALLER.private_ip, SERVER.private_ip
        assert (here, there, OPEN, True, "ACCEPT") in told[SERVER.id]
        assert (here, there, SHUT, True, "REJECT") in told[SERVER.id]
        assert (here, there, SHUT, True, "ACCEPT") in told[
            CALLER.id
        ]  # it may send; the other does not let it in
        answers = [one for one in told[SERVER.id] if one[:2] == (there, here)]
        assert answers and {one[4] for one in answers} == {"ACCEPT"}
        for task_id in TASKS:
            await network.remove_eni(task_id)
