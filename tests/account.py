"""One account in one region, as a user of the API sees it: operations over a real store, time in hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bastide.api.operation import Caller, Context, Performs, Reads, Refuses, Streams
from bastide.api.registry import SERVICES
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.store import Record, Store
from tests import roles

VAULT = Vault(bytes(range(32)))
ROLE = "arn:aws:iam::000000000000:role/execution"


class Account:
    """One account in one region, as a user of the API sees it."""

    def __init__(self, store: Store, region: str = "us-east-1", *, settings: Settings | None = None) -> None:
        self.store = store
        self.region = region
        self.settings = settings or Settings()
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self._roles: set[str] = set()

    @property
    def context(self) -> Context:
        caller = Caller(
            account="000000000000",
            region=self.region,
            principal_arn="arn:aws:iam::000000000000:user/admin",
            user_id="AIDAADMIN",
        )
        return Context(caller=caller, now=self.now, request_id="r", settings=self.settings, vault=VAULT)

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def call(self, operation: str, *, service: str = "ecs", **params: Any) -> Any:
        run = SERVICES[service][operation]
        context = self.context
        if isinstance(run, Performs):
            return await run.run(self.store, context, params)
        assert not isinstance(run, Streams | Refuses)
        if isinstance(run, Reads):
            return await self.store.view(lambda txn: run.run(txn, context, params))
        return await self.store.update(lambda txn: run.run(txn, context, params))

    async def register(self, **members: Any) -> str:
        """The ARN of a new revision of a small web server."""
        answer = await self.call("RegisterTaskDefinition", **definition(**members))
        arn: str = answer["taskDefinition"]["taskDefinitionArn"]
        return arn

    async def network(self) -> dict[str, Any]:
        """A networkConfiguration over the default VPC's subnets."""
        subnets = await self.call("DescribeSubnets", service="ec2")
        ids = [subnet["SubnetId"] for subnet in subnets["Subnets"]]
        return {"awsvpcConfiguration": {"subnets": ids, "assignPublicIp": "ENABLED"}}

    async def role(self, name: str) -> None:
        """A role that tasks may have, once."""
        if name not in self._roles:
            self._roles.add(name)
            for operation, params in roles.calls(name):
                await self.call(operation, service="iam", **params)

    async def run(self, **params: Any) -> Any:
        """RunTask of family `web` on Fargate."""
        for name in (roles.NAME, roles.TASK):
            await self.role(name)
        asked = {"taskDefinition": "web", "launchType": "FARGATE", **params}
        if "networkConfiguration" not in asked:
            asked["networkConfiguration"] = await self.network()
        given = {name: value for name, value in asked.items() if value is not None}
        return await self.call("RunTask", **given)

    async def record(self, kind: str, key: str) -> Record:
        found = await self.store.view(lambda txn: txn.get(kind, key))
        assert found is not None
        return found

    async def change_task(self, arn: str, **members: Any) -> None:
        """What placement or an agent would have written."""

        def change(record: Record) -> Record:
            task = {**record.document["task"], **members}
            document = {**record.document, "task": task}
            return record.changed(document=document, status=task["desiredStatus"], state=task["lastStatus"])

        record = await self.record("task", arn)
        await self.store.update(lambda txn: txn.put(change(record)))


def container(**members: Any) -> dict[str, Any]:
    return {"name": "app", "image": "busybox:1", **members}


def definition(**members: Any) -> dict[str, Any]:
    """A RegisterTaskDefinition request that Fargate takes."""
    request = {
        "family": "web",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": ROLE,
        "containerDefinitions": [container()],
        **members,
    }
    return {name: value for name, value in request.items() if value is not None}
