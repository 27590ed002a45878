"""What a task's containers get from the server alone: values of secrets, parameters, environment files.

They are asked for when a task is prepared, and again by an agent that has forgotten them; they are in this
process's memory and in the containers, never in a folder, a log or a report.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from bastide.agent.asking.calls import Calls
from bastide.host.ports import Credentials
from bastide.model.assignment import Assignment, Container
from bastide.model.container.image_name import is_private_ecr
from bastide.model.faults import Invalid
from bastide.model.frames import RegistryAnswer, RegistryRequest, SecretsAnswer, SecretsRequest

Environments = Mapping[str, Mapping[str, str]]


class Secrets:
    """Asks the server; used from the agent's event loop only."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def fetch(self, spec: Assignment) -> Environments:
        """The environment of each container; empty when none names a secret or a file.

        Raises Invalid with what the server says against it, Unavailable when there is no answer.
        """
        if not any(container.secrets or container.environment_files for container in spec.containers):
            return {}
        answered = await self._calls.ask(SecretsRequest(spec.task_arn))
        assert isinstance(answered, SecretsAnswer)
        _check(answered.error)
        return answered.environments

    async def fetch_credentials(self, spec: Assignment, container: Container) -> Credentials | None:
        """For the registry of the container's image; None where none are known to be wanted.

        Raises as `fetch` does.
        """
        if container.repository_credentials is None and not is_private_ecr(container.image):
            return None
        request = RegistryRequest(spec.task_arn, container.name)
        answered = await self._calls.ask(request)
        assert isinstance(answered, RegistryAnswer)
        _check(answered.error)
        if answered.username is None:
            return None
        return Credentials(answered.username, answered.password)


def with_secrets(container: Container, environments: Environments) -> Container:
    """The container with the environment the server gave it."""
    if container.name not in environments:
        return container
    return replace(container, environment=dict(environments[container.name]))


def _check(error: str | None) -> None:
    if error is not None:
        raise Invalid("secrets", why=error)
