"""A task that runs, on a host that is connected, with ECS Exec enabled."""

from typing import Any

import pytest

from bastide.model.assignment import ContainerReport, Report
from bastide.model.status import ContainerStatus, TaskStatus
from bastide.model.task import with_report
from bastide.store import Record, Store, Txn
from tests.account import Account, container

ROLE = "arn:aws:iam::000000000000:role/task"
HOST = "host-1"


class World:
    """An account, and what its hosts would have written."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.store = account.store

    async def call(self, operation: str, *, service: str = "ecs", **params: Any) -> Any:
        return await self.account.call(operation, service=service, **params)

    async def run(
        self, *containers: dict[str, Any], is_enabled: bool = True, is_running: bool = True, **members: Any
    ) -> str:
        """The ARN of a task."""
        chosen = list(containers) or [container()]
        await self.account.register(taskRoleArn=ROLE, containerDefinitions=chosen, **members)
        arn: str = (await self.account.run(enableExecuteCommand=is_enabled))["tasks"][0]["taskArn"]
        await self.set_host("CONNECTED")
        if is_running:
            await self.report(arn, TaskStatus.RUNNING, ContainerStatus.RUNNING)
        return arn

    async def report(self, arn: str, status: TaskStatus, containers: ContainerStatus) -> None:
        """As the task's host would."""

        def change(txn: Txn) -> None:
            record = txn.get("task", arn)
            assert record is not None
            names = [each["name"] for each in record.document["task"]["containers"]]
            told = tuple(ContainerReport(name=name, last_status=containers) for name in names)
            report = Report(task_arn=arn, last_status=status, containers=told)
            ids = [f"{arn[-32:]}-{number:010d}" for number in range(len(names))]
            document = with_report({**record.document, "host": HOST}, report, at_s=1.0, runtime_ids=ids)
            txn.put(record.changed(document=document, state=document["task"]["lastStatus"]))

        await self.store.update(change)

    async def set_host(self, status: str) -> None:
        def change(txn: Txn) -> None:
            record = txn.get("host", HOST) or Record("host", HOST, "", {}, name=HOST)
            txn.put(record.changed(status=status))

        await self.store.update(change)

    async def execute(self, arn: str, **params: Any) -> Any:
        return await self.call(
            "ExecuteCommand", **{"command": "sh", "interactive": True, "task": arn, **params}
        )

    async def sessions(self, state: str = "Active", **params: Any) -> list[dict[str, Any]]:
        answer = await self.call("DescribeSessions", service="ssm", State=state, **params)
        found: list[dict[str, Any]] = answer["Sessions"]
        return found

    async def agents(self, arn: str) -> list[dict[str, Any]]:
        answer = await self.call("DescribeTasks", tasks=[arn])
        return [each["managedAgents"][0] for each in answer["tasks"][0]["containers"]]


@pytest.fixture
def world(store: Store) -> World:
    return World(Account(store))
