"""What a task's containers get from the server alone: values of secrets, parameters, environment files.

They are asked for when a task is prepared, and again by an agent that has forgotten them; they are in this
process's memory and in the containers, never in a folder, a log or a report.
"""

import asyncio
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from bastide.host.ports import Credentials
from bastide.model.assignment import Assignment, Container
from bastide.model.container.image_name import is_private_ecr
from bastide.model.faults import Invalid, Unavailable
from bastide.model.frames import RegistryAnswer, RegistryRequest, SecretsAnswer, SecretsRequest

ANSWER_TIMEOUT_S = 10.0

Environments = Mapping[str, Mapping[str, str]]
Request = SecretsRequest | RegistryRequest
Answer = SecretsAnswer | RegistryAnswer


class Secrets:
    """Asks the server; used from the agent's event loop only."""

    def __init__(self, send: Callable[[Request], bool]) -> None:
        self._send = send
        self._waiting: dict[tuple[str, str], asyncio.Future[Answer]] = {}

    async def fetch(self, spec: Assignment) -> Environments:
        """The environment of each container; empty when none names a secret or a file.

        Raises Invalid with what the server says against it, Unavailable when there is no answer.
        """
        if not any(container.secrets or container.environment_files for container in spec.containers):
            return {}
        answered = await self._ask((spec.task_arn, ""), SecretsRequest(spec.task_arn))
        assert isinstance(answered, SecretsAnswer)
        return answered.environments

    async def fetch_credentials(self, spec: Assignment, container: Container) -> Credentials | None:
        """For the registry of the container's image; None where none are known to be wanted.

        Raises as `fetch` does.
        """
        if container.repository_credentials is None and not is_private_ecr(container.image):
            return None
        request = RegistryRequest(spec.task_arn, container.name)
        answered = await self._ask((spec.task_arn, container.name), request)
        assert isinstance(answered, RegistryAnswer)
        if answered.username is None:
            return None
        return Credentials(answered.username, answered.password)

    def take(self, answer: Answer) -> None:
        """The server has answered."""
        container = answer.container if isinstance(answer, RegistryAnswer) else ""
        waiting = self._waiting.get((answer.task_arn, container))
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def reconnect(self) -> None:
        """A new session: what was asked in the last one is answered by nobody."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Unavailable("secrets", why="the session with the server was lost"))

    async def _ask(self, key: tuple[str, str], request: Request) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            if not self._send(request):
                raise Unavailable("secrets", why="the task's secrets are the server's, and it is not there")
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answered = await answer
        except TimeoutError as error:
            raise Unavailable("secrets", why="the server does not answer with the task's secrets") from error
        finally:
            self._waiting.pop(key, None)
        if answered.error is not None:
            raise Invalid("secrets", why=answered.error)
        return answered


def with_secrets(container: Container, environments: Environments) -> Container:
    """The container with the environment the server gave it."""
    if container.name not in environments:
        return container
    return replace(container, environment=dict(environments[container.name]))
