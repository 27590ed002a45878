"""Answers what tasks ask about themselves at 169.254.170.2: to each about itself and about nobody else.

A task is known by its interface: by the VPC in which it asks, and the address it asks from. The id in a path
has to be one of its own; any other is found nowhere. What the agent knows is told without the server.
Used from the agent's event loop only.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from bastide.agent.asking.calls import Calls
from bastide.agent.metadata.answers import NOBODY, NOT_ALLOWED, TOO_OFTEN, render_json
from bastide.agent.metadata.credentials import RoleCredentials
from bastide.agent.metadata.protection import Protection, unknown_task
from bastide.agent.metadata.rates import Rates
from bastide.agent.metadata.stats import TaskStats
from bastide.host.machine.clock import read_clock
from bastide.host.ports import Answered, Asked, Endpoints
from bastide.model.assignment import Assignment, Container
from bastide.model.faults import Fault, Unavailable
from bastide.model.messages.task_calls import TagsAnswer, TagsRequest
from bastide.model.network import VpcState
from bastide.model.task_state import TaskState
from bastide.plan.metadata.containers import Document, render_container
from bastide.plan.metadata.routes import Route, Wanted, parse_route
from bastide.plan.metadata.stats import render_stats
from bastide.plan.metadata.tasks import Measured, render_task, with_tags

log = logging.getLogger(__name__)

Found = tuple[Assignment, TaskState]


class TaskEndpoint:
    """`VpcService`: the endpoint of every VPC with a task here.

    `find` says which task has an address of a VPC; set before anybody asks.
    """

    def __init__(self, endpoints: Endpoints, calls: Calls, stats: TaskStats) -> None:
        self.find: Callable[[str, str], Found | None] = lambda vpc_id, address: None
        self._endpoints = endpoints
        self._calls = calls
        self._stats = stats
        self._rates = Rates()
        self._protection = Protection(calls)
        self.credentials = RoleCredentials(calls)

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
        if route.wanted is Wanted.CREDENTIALS and asked.method == "GET":
            return await self.credentials.answer(spec, state, route.id)
        container = next((each for each in spec.containers if each.runtime_id == route.id), None)
        if route.wanted is Wanted.PROTECTION:
            return await self._protection.answer(spec, asked) if container else unknown_task()
        if asked.method != "GET":
            return NOT_ALLOWED
        if container is None:
            return render_json(404, _unknown(route))
        return render_json(200, await self._metadata(spec, state, container, route))

    def forget(self, task_id: str) -> None:
        """The task is gone. Repeatable."""
        self.credentials.forget(task_id)
        self._stats.forget(task_id)

    async def _metadata(
        self, spec: Assignment, state: TaskState, container: Container, route: Route
    ) -> Document | None:
        if route.wanted in (Wanted.STATS, Wanted.TASK_STATS):
            return await self._measure(spec, state, container, route)
        if route.wanted is Wanted.CONTAINER:
            return render_container(spec, state, container, version=route.version)
        task = render_task(spec, state, await self._look(spec), version=route.version)
        if route.wanted is Wanted.TASK:
            return task
        try:
            tags = await self._calls.ask(TagsRequest(spec.task_arn))
            assert isinstance(tags, TagsAnswer)
            if tags.error is not None:
                raise Unavailable("tags", why=tags.error)
        except Unavailable as unavailable:
            return with_tags(task, {}, [_unread("TaskTags", spec.task_arn, str(unavailable))])
        return with_tags(task, tags.tags, [])

    async def _measure(
        self, spec: Assignment, state: TaskState, container: Container, route: Route
    ) -> Document | None:
        """None while there is nothing to be counted: it does not run, or the host does not say."""
        try:
            samples = await self._stats.read(spec, state)
        except Fault as fault:
            log.warning("no statistics", extra={"task": spec.task_id, "why": str(fault)})
            return None
        if route.wanted is Wanted.STATS:
            return render_stats(spec, container, *samples)
        return {each.runtime_id: render_stats(spec, each, *samples) for each in spec.containers}

    async def _look(self, spec: Assignment) -> Measured:
        try:
            used_mib = await self._stats.read_storage_mib(spec.task_id)
        except Fault:  # the disk is on its way out
            used_mib = None
        return Measured(clock=read_clock(), storage_used_mib=used_mib)


def _unread(field: str, arn: str, why: str) -> Document:
    """A part of an answer that could not be had; the rest is told all the same."""
    return {
        "ErrorField": field,
        "ErrorCode": "ServerException",
        "ErrorMessage": why,
        "StatusCode": 500,
        "RequestId": "",
        "ResourceARN": arn,
    }


def _unknown(route: Route) -> str:
    """The ECS agent's words for an id it does not have."""
    where = f"V{route.version}"
    if route.wanted in (Wanted.TASK, Wanted.TASK_WITH_TAGS):
        why = f"unable to get task arn from request: unable to get task Arn from v3 endpoint ID: {route.id}"
        return f"{where} task metadata handler: {why}"
    what = "container metadata" if route.wanted is Wanted.CONTAINER else "stats"
    why = f"unable to get container ID from request: unable to get docker ID from v3 endpoint ID: {route.id}"
    return f"{where} {what} handler: {why}"
