"""What a host is told of the network: all when it connects, then each change, before the task it is for."""

import asyncio
from collections.abc import Callable

from bastide.model.assignment import Report
from bastide.model.frames import Assign, Release, Reported
from bastide.model.network import AnyPart, Interface, SecurityGroup, Subnet
from bastide.model.status import TaskStatus
from tests.session import Agent, Server, hello


def of(agent: Agent, kind: type[AnyPart]) -> list[str]:
    return [part.id for part in agent.parts.values() if isinstance(part, kind)]


async def until(agent: Agent, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            assert await agent.is_silent()
            await asyncio.sleep(0.005)


async def test_a_host_is_told_of_the_whole_network_when_it_connects(server: Server) -> None:
    await server.account.call("DescribeVpcs", service="ec2")
    async with server.connected() as agent:
        await agent.start(hello())
        assert len(of(agent, Subnet)) == 2
        assert len(of(agent, SecurityGroup)) == 1
        assert of(agent, Interface) == []


async def test_a_tasks_interface_is_told_before_the_task_and_taken_back_after_it(server: Server) -> None:
    await server.account.register()
    async with server.connected() as agent:
        await agent.start(hello())
        network = await server.account.network()
        arn = (await server.account.run(networkConfiguration=network))["tasks"][0]["taskArn"]
        assignment = (await agent.read(Assign)).assignment
        part = agent.parts[assignment.eni.id]
        assert isinstance(part, Interface)
        assert part.task_id == assignment.task_id
        assert part.addresses[0].public_ip == assignment.eni.public_ip
        assert part.group_ids == tuple(of(agent, SecurityGroup))
        await server.account.call("StopTask", task=arn)
        await agent.read(Assign)
        agent.send(Reported(Report(task_arn=arn, last_status=TaskStatus.STOPPED)))
        await agent.read(Release)
        await until(agent, lambda: of(agent, Interface) == [])


async def test_a_record_nobody_can_read_hides_no_other(server: Server) -> None:
    await server.account.call("DescribeVpcs", service="ec2")
    (group,) = await server.store.view(lambda txn: txn.find("security-group"))
    await server.store.update(lambda txn: txn.put(group.changed(document={})))
    async with server.connected() as agent:
        await agent.start(hello())
        assert len(of(agent, Subnet)) == 2
        assert of(agent, SecurityGroup) == []
