"""Questions to the server that are answered over the session, each once.

Who asks what somebody waits for already gets the same answer. Used from the agent's event loop only.
"""

import asyncio
from collections.abc import Callable

from bastide.model.faults import Unavailable
from bastide.model.frames import RegistryAnswer, RegistryRequest, SecretsAnswer, SecretsRequest
from bastide.model.messages.task_calls import (
    ProtectionAnswer,
    ProtectionRequest,
    RoleAnswer,
    RoleRequest,
    TagsAnswer,
    TagsRequest,
    TaskAnswer,
    TaskRequest,
)

ANSWER_TIMEOUT_S = 10.0

Request = SecretsRequest | RegistryRequest | TaskRequest
Answer = SecretsAnswer | RegistryAnswer | TaskAnswer
Key = tuple[type[Answer], str, str]

_ANSWERS: dict[type[Request], type[Answer]] = {
    SecretsRequest: SecretsAnswer,
    RegistryRequest: RegistryAnswer,
    RoleRequest: RoleAnswer,
    TagsRequest: TagsAnswer,
    ProtectionRequest: ProtectionAnswer,
}


class Calls:
    """`send` hands a question to the session; False when there is none."""

    def __init__(self, send: Callable[[Request], bool]) -> None:
        self._send = send
        self._waiting: dict[Key, asyncio.Future[Answer]] = {}

    async def ask(self, request: Request) -> Answer:
        """The server's answer, which may be an error of its; Unavailable when there is none."""
        key = (_ANSWERS[type(request)], request.task_arn, getattr(request, "container", ""))
        answer = self._waiting.get(key)
        if answer is None:
            if not self._send(request):
                raise Unavailable("server", why="the server alone can tell, and it is not there")
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(_look_at)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await asyncio.shield(answer)
        except TimeoutError as error:
            self._waiting.pop(key, None)
            raise Unavailable("server", why="the server does not answer") from error

    def take(self, answer: Answer) -> None:
        """The server has answered."""
        waiting = self._waiting.pop((type(answer), answer.task_arn, getattr(answer, "container", "")), None)
        if waiting is not None:
            waiting.set_result(answer)

    def reconnect(self) -> None:
        """A new session: what was asked in the last one is answered by nobody."""
        lost, self._waiting = self._waiting, {}
        for waiting in lost.values():
            waiting.set_exception(Unavailable("server", why="the session with the server was lost"))


def _look_at(answer: asyncio.Future[Answer]) -> None:
    """Who asked may have been cancelled: nobody is left to whom an exception were news."""
    answer.exception()
