"""Answers what tasks ask about themselves at 169.254.170.2: to each about itself and about nobody else.

A task is known by its interface: by the VPC in which it asks, and the address it asks from. The id in a path
has to be one of its own; any other is found nowhere. What the agent knows is told without the server.
Used from the agent's event loop only.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from bastide.agent.metadata.rates import Rates
from bastide.host.ports import Answered, Asked, Endpoints
from bastide.model.assignment import Assignment, Container
from bastide.model.network import VpcState
from bastide.model.task_state import TaskState
from bastide.plan.metadata.containers import Document, render_container
from bastide.plan.metadata.routes import Route, Wanted, parse_route
from bastide.plan.metadata.tasks import Measured, render_task, with_tags

log = logging.getLogger(__name__)

Found = tuple[Assignment, TaskState]
NOBODY = Answered(status=404, body=b"404 page not found\n", content_type="text/plain; charset=utf-8")
TOO_OFTEN = Answered(status=429, body=b"You have reached maximum request limit.", content_type="text/plain")
NOT_ALLOWED = Answered(status=405, body=b"", content_type="text/plain")


class TaskEndpoint:
    """`VpcService`: the endpoint of every VPC with a task here.

    `find` says which task has an address of a VPC; set before anybody asks.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self.find: Callable[[str, str], Found | None] = lambda vpc_id, address: None
        self._endpoints = endpoints
        self._rates = Rates()

    async def ensure(self, vpc_id: str, state: VpcState | None, specs: Sequence[Assignment]) -> None:
        """It answers."""
        await self._endpoints.ensure_endpoint(vpc_id, partial(self.answer, vpc_id))

    async def remove(self, vpc_id: str) -> None:
        """It goes with the VPC's last interface."""
        await self._endpoints.remove_endpoint(vpc_id)

    async def read(self) -> set[str]:
        """None: it went with the agent that answered."""
        return set()

    async def answer(self, vpc_id: str, asked: Asked) -> Answered:
        """What the task is told that has the address."""
        found = self.find(vpc_id, asked.address)
        route = parse_route(asked.target)
        if found is None or route is None:
            return NOBODY
        spec, state = found
        if not self._rates.take(spec.task_id, now=time.monotonic()):
            return TOO_OFTEN
        if asked.method != "GET":
            return NOT_ALLOWED
        container = next((each for each in spec.containers if each.runtime_id == route.id), None)
        if container is None:
            return render_json(404, _unknown(route))
        return render_json(200, await self._metadata(spec, state, container, route))

    async def _metadata(
        self, spec: Assignment, state: TaskState, container: Container, route: Route
    ) -> Document:
        if route.wanted is Wanted.CONTAINER:
            return render_container(spec, state, container, version=route.version)
        task = render_task(spec, state, Measured(), version=route.version)
        return task if route.wanted is Wanted.TASK else with_tags(task, {}, [])


def render_json(status: int, document: object) -> Answered:
    """As every answer of the endpoint."""
    return Answered(status=status, body=msgspec.json.encode(document))


def _unknown(route: Route) -> str:
    """The ECS agent's words for an id it does not have."""
    where = f"V{route.version}"
    if route.wanted in (Wanted.TASK, Wanted.TASK_WITH_TAGS):
        why = f"unable to get task arn from request: unable to get task Arn from v3 endpoint ID: {route.id}"
        return f"{where} task metadata handler: {why}"
    what = "container metadata" if route.wanted is Wanted.CONTAINER else "stats"
    why = f"unable to get container ID from request: unable to get docker ID from v3 endpoint ID: {route.id}"
    return f"{where} {what} handler: {why}"
