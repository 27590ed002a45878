"""Lines of containers on their way from an agent into the store."""

from bastide.model.assignment import LogLine, LogTarget
from bastide.model.frames import Assign, LogAck, LogBatch
from tests.account import container
from tests.session import Server, hello

LOGS = {
    "logDriver": "awslogs",
    "options": {
        "awslogs-group": "/web",
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "ecs",
        "awslogs-create-group": "true",
    },
}


def batch(arn: str, sequence: int, *lines: str, create_group: bool = True) -> LogBatch:
    return LogBatch(
        task_arn=arn,
        container="app",
        source="stdout",
        sequence=sequence,
        target=LogTarget(group="/web", stream="ecs/app/1", region="us-east-1", create_group=create_group),
        lines=tuple(LogLine(1_767_323_045_000 + sequence, line) for line in lines),
    )


async def read_messages(server: Server) -> list[str]:
    place = {"logGroupName": "/web", "logStreamName": "ecs/app/1"}
    found = await server.account.call("GetLogEvents", service="logs", startFromHead=True, **place)
    return [event["message"] for event in found["events"]]


async def test_lines_are_stored_before_they_are_acknowledged_and_once_only(server: Server) -> None:
    await server.account.register(containerDefinitions=[container(logConfiguration=LOGS)])
    async with server.connected() as agent:
        await agent.start(hello())
        arn = await server.run_task()
        await agent.read(Assign)
        agent.send(batch(arn, 10, "a", "b"), batch(arn, 20, "c"))
        acks = [await agent.read(LogAck), await agent.read(LogAck)]
        assert [(ack.sequence, ack.source, ack.error) for ack in acks] == [
            (10, "stdout", None),
            (20, "stdout", None),
        ]
        assert await read_messages(server) == ["a", "b", "c"]
        agent.send(batch(arn, 20, "c"), batch(arn, 30, "d"))
        await agent.read(LogAck)
        await agent.read(LogAck)
        assert await read_messages(server) == ["a", "b", "c", "d"]


async def test_a_missing_group_is_said_in_the_words_of_the_logs_api(server: Server) -> None:
    async with server.connected() as agent:
        await agent.start(hello())
        arn = "arn:aws:ecs:us-east-1:000000000000:task/default/" + "0" * 32
        agent.send(batch(arn, 0, create_group=False))
        ack = await agent.read(LogAck)
        assert ack.error == "ResourceNotFoundException: The specified log group does not exist."
