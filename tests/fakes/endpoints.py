"""Endpoints in memory: who answers in which VPC. tests/contract holds it to the real ones."""

from collections.abc import Container

from bastide.host.listening.http import Answer
from bastide.host.ports import Answered, Asked, Endpoints
from bastide.model.faults import NotFound
from tests.fakes.resolvers import ANYTHING


class FakeEndpoints(Endpoints):
    """`answers` by VPC is the whole state; `vpcs` are those that have a namespace."""

    def __init__(self, vpcs: Container[str] = ANYTHING) -> None:
        self.answers: dict[str, Answer] = {}
        self.vpcs = vpcs

    async def ensure_endpoint(self, vpc_id: str, answer: Answer) -> None:
        if vpc_id not in self.vpcs:
            raise NotFound("network namespace", vpc_id)
        self.answers.setdefault(vpc_id, answer)

    async def remove_endpoint(self, vpc_id: str) -> None:
        self.answers.pop(vpc_id, None)

    async def ask(self, vpc_id: str, target: str, *, address: str, method: str = "GET") -> Answered:
        """As a task that has the address."""
        return await self.answers[vpc_id](Asked(address=address, method=method, target=target))
