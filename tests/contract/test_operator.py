"""The operators' socket: who is heard, what is answered, and events that are followed over a restart."""

import asyncio
import base64
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bastide.api.distribution.access import authenticate
from bastide.api.operator import Operators
from bastide.cli.operator.client import Cut, answers
from bastide.config import Settings
from bastide.control.retirement import Retirement
from bastide.model.faults import Fault, Invalid, Unavailable
from bastide.model.messages.asked import (
    FOLLOW_EVENTS,
    INTERRUPT_SPOT,
    LIST_TASKS,
    LOG_IN,
    RETIRE_TASK,
    SHOW_NETWORK,
    SHOW_TASK,
    Asked,
    EventsAsked,
    EventTold,
    LoginAsked,
    NetworkAsked,
    RetirementAsked,
    TaskAsked,
    TasksAsked,
    TaskShown,
)
from bastide.model.messages.framing import Bodies, render_message
from bastide.model.messages.operator import Ask, Refused, parse_reply
from bastide.model.network import assemble_vpcs
from bastide.store import Store, Txn
from bastide.store.audit.reading import Found, Selection, read_back
from tests.account import VAULT, Account
from tests.audit_fixture import trail_of
from tests.store_fixture import migrated as migrated
from tests.store_fixture import store as store

SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(instance="t", run_root=tmp_path, data_root=tmp_path)
    made.operator_socket.parent.mkdir(parents=True)
    return made


@pytest.fixture
async def account(store: Store) -> Account:
    made = Account(store)
    await made.register()
    return made


@asynccontextmanager
async def listening(account: Account, settings: Settings, **options: Any) -> AsyncIterator[None]:
    async with trail_of(settings) as trail:
        operators = Operators(account.store, settings, VAULT, trail=trail, now=lambda: account.now, **options)
        running = asyncio.create_task(operators.run())
        try:
            async with asyncio.timeout(5):
                while not settings.operator_socket.exists():
                    await asyncio.sleep(0.005)
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def served(account: Account, settings: Settings) -> AsyncIterator[Account]:
    async with listening(account, settings):
        yield account


async def ask(settings: Settings, operation: Asked[Any, Any], params: msgspec.Struct) -> Any:
    """The one answer."""
    return (await asyncio.to_thread(lambda: list(answers(settings, operation, params, timeout_s=5))))[0]


async def start(account: Account, **params: Any) -> str:
    arn: str = (await account.run(**params))["tasks"][0]["taskArn"]
    return arn


async def start_spot(account: Account) -> str:
    await account.call(
        "PutClusterCapacityProviders",
        cluster="default",
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[],
    )
    return await start(account, launchType=None, capacityProviderStrategy=SPOT)


async def test_the_socket_is_its_owners_alone(served: Account, settings: Settings) -> None:
    assert stat.S_IMODE(settings.operator_socket.stat().st_mode) == 0o600


async def test_the_network_is_shown_whole(served: Account, settings: Settings) -> None:
    network = await served.network()
    (vpc,) = assemble_vpcs((await ask(settings, SHOW_NETWORK, NetworkAsked())).parts).values()
    assert sorted(vpc.subnets) == sorted(network["awsvpcConfiguration"]["subnets"])
    assert len(vpc.groups) == 1


async def test_whoever_is_no_operator_is_told_so(account: Account, settings: Settings) -> None:
    async with listening(account, settings, operator_uids=frozenset({12345})):
        with pytest.raises(Fault, match=f"User id {os.getuid()} is no operator of t"):
            await ask(settings, LIST_TASKS, TasksAsked())


async def test_without_a_server_one_is_told_what_to_type(account: Account, settings: Settings) -> None:
    with pytest.raises(Unavailable, match="bastide up"):
        await ask(settings, LIST_TASKS, TasksAsked())


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (Ask("nonsense", msgspec.Raw(b"{}")), "knows no operation nonsense"),
        (Ask("show-task", msgspec.Raw(b'{"task": 3}')), "show-task: Expected `str`, got `int`"),
        (Ask("show-task", msgspec.Raw(b"{}")), "missing required field `task`"),
    ],
)
async def test_nonsense_is_refused(served: Account, settings: Settings, question: Ask, words: str) -> None:
    reader, writer = await asyncio.open_unix_connection(str(settings.operator_socket))
    writer.write(render_message(question))
    async with asyncio.timeout(5):
        (body,) = Bodies().feed(await reader.read())
    writer.close()
    reply = parse_reply(body)
    assert isinstance(reply, Refused)
    assert words in reply.why


async def test_bytes_that_are_no_question_end_the_connection(served: Account, settings: Settings) -> None:
    reader, writer = await asyncio.open_unix_connection(str(settings.operator_socket))
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    assert (await ask(settings, LIST_TASKS, TasksAsked())).tasks == []


async def test_tasks_are_listed_without_the_stopped_unless_asked_for(
    served: Account, settings: Settings
) -> None:
    first = await start(served)
    served.later(1)
    second = await start(served)
    await served.change_task(first, lastStatus="STOPPED", desiredStatus="STOPPED")
    listed = await ask(settings, LIST_TASKS, TasksAsked())
    assert [task["taskArn"] for task in listed.tasks] == [second]
    listed = await ask(settings, LIST_TASKS, TasksAsked(cluster="default", with_stopped=True))
    assert [task["taskArn"] for task in listed.tasks] == [first, second]
    with pytest.raises(Fault, match="no cluster other"):
        await ask(settings, LIST_TASKS, TasksAsked(cluster="other"))


async def test_a_task_is_shown_with_what_aws_does_not_show(served: Account, settings: Settings) -> None:
    arn = await start(served, tags=[{"key": "k", "value": "v"}])
    checked = {"app": {"status": "HEALTHY", "results": [{"output": "fine"}]}}
    record = await served.record("task", arn)
    changed = record.changed(document={**record.document, "health": checked})
    await served.store.update(lambda txn: txn.put(changed))
    for named in (arn, arn.rsplit("/", 1)[-1], arn.rsplit("/", 1)[-1][:12]):
        shown: TaskShown = await ask(settings, SHOW_TASK, TaskAsked(named))
        assert (shown.task["taskArn"], shown.health, shown.host) == (arn, checked, None)
        assert shown.tags == [{"key": "k", "value": "v"}]
        assert [event["detail"]["lastStatus"] for event in shown.events] == ["PROVISIONING"]


@pytest.mark.parametrize("named", ["", "0" * 32, "arn:aws:ecs:us-east-1:000000000000:task/default/no"])
async def test_a_task_that_is_not_there_is_said_to_be_none(
    served: Account, settings: Settings, named: str
) -> None:
    with pytest.raises(Fault, match=f"There is no task {named}"):
        await ask(settings, SHOW_TASK, TaskAsked(named))


async def test_half_a_name_that_means_two_tasks_is_refused(served: Account, settings: Settings) -> None:
    arns = [await start(served) for _ in range(17)]  # two of these begin with the same digit
    digits = [arn.rsplit("/", 1)[-1][0] for arn in arns]
    twice = next(digit for digit in digits if digits.count(digit) > 1)
    with pytest.raises(Fault, match="means more than one task"):
        await ask(settings, SHOW_TASK, TaskAsked(twice))


async def test_a_spot_task_is_interrupted_in_awss_words(served: Account, settings: Settings) -> None:
    arn = await start_spot(served)
    shown: TaskShown = await ask(settings, INTERRUPT_SPOT, TaskAsked(arn))
    assert shown.task["capacityProviderName"] == "FARGATE_SPOT"
    assert shown.task["launchType"] == "FARGATE"
    assert shown.task["desiredStatus"] == "STOPPED"
    assert shown.task["stopCode"] == "SpotInterruption"
    assert shown.task["stoppedReason"] == "Your Spot Task was interrupted."
    assert [event["detail"]["version"] for event in shown.events] == [1, 2]
    with pytest.raises(Invalid, match="already: Your Spot Task was interrupted"):
        await ask(settings, INTERRUPT_SPOT, TaskAsked(arn))


async def test_what_an_operator_does_and_is_refused_is_told(served: Account, settings: Settings) -> None:
    task = await start_spot(served)
    await ask(settings, INTERRUPT_SPOT, TaskAsked(task=task))
    with pytest.raises(Invalid):
        await ask(settings, INTERRUPT_SPOT, TaskAsked(task=task))
    found: list[Found] = []
    while len(found) < 2:  # a refusal is written soon after it was told
        await asyncio.sleep(0.005)
        found, _ = read_back(settings.audit_folder, Selection(), limit=2)
    refused, done = [one.record for one in found]
    assert (done.source, done.name) == ("operator.bastide", "InterruptSpot")
    assert done.identity == {"type": "HostOperator", "principalId": f"uid:{os.getuid()}"}
    assert done.parameters == {"asked": {"task": task}}
    assert (refused.name, refused.error_code) == ("InterruptSpot", "Conflict")


async def test_a_task_that_is_not_spot_cannot_be_interrupted(served: Account, settings: Settings) -> None:
    arn = await start(served)
    with pytest.raises(Fault, match="Only a task of the capacity provider FARGATE_SPOT"):
        await ask(settings, INTERRUPT_SPOT, TaskAsked(arn))


async def test_a_retired_task_stops_when_its_notice_is_over(served: Account, settings: Settings) -> None:
    arn = await start(served)
    shown: TaskShown = await ask(settings, RETIRE_TASK, RetirementAsked(task=arn, notice_s=60))
    now_s = served.now.timestamp()
    assert shown.retirement == {"noticedAt": now_s, "retiresAt": now_s + 60}
    retirement = Retirement(served.store, now=lambda: served.now)
    assert await retirement.reconcile(arn) == 60
    assert (await ask(settings, SHOW_TASK, TaskAsked(arn))).task["desiredStatus"] == "RUNNING"
    served.later(60)
    assert await retirement.reconcile(arn) is None
    shown = await ask(settings, SHOW_TASK, TaskAsked(arn))
    assert shown.task["desiredStatus"] == "STOPPED"
    assert shown.task["stoppedReason"] == (
        "ECS is performing maintenance on the underlying infrastructure hosting the task"
    )
    assert shown.retirement is None
    with pytest.raises(Fault, match="already: ECS is performing maintenance"):
        await ask(settings, RETIRE_TASK, RetirementAsked(task=arn))


@pytest.mark.parametrize(("days", "seconds"), [(None, 7 * 86400), ("0", 0), ("14", 14 * 86400)])
async def test_the_notice_is_the_accounts_unless_given(
    served: Account, settings: Settings, days: str | None, seconds: int
) -> None:
    arn = await start(served)
    if days is not None:
        name = "fargateTaskRetirementWaitPeriod"
        await served.call("PutAccountSettingDefault", name=name, value=days)
    shown: TaskShown = await ask(settings, RETIRE_TASK, RetirementAsked(task=arn))
    assert shown.retirement is not None
    assert shown.retirement["retiresAt"] - shown.retirement["noticedAt"] == seconds


async def test_a_notice_can_be_put_off_and_outlives_the_server(served: Account, settings: Settings) -> None:
    arn = await start(served)
    await ask(settings, RETIRE_TASK, RetirementAsked(task=arn, notice_s=0))
    await ask(settings, RETIRE_TASK, RetirementAsked(task=arn, notice_s=0.2))
    running = asyncio.create_task(Retirement(served.store, now=lambda: served.now).run())
    await asyncio.sleep(0.05)
    assert (await ask(settings, SHOW_TASK, TaskAsked(arn))).task["desiredStatus"] == "RUNNING"
    served.later(1)  # the timer of the first look rings, and the clock says so too
    await eventually(lambda: _is_stopping(settings, arn))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with pytest.raises(Fault, match="0 or more"):
        await ask(settings, RETIRE_TASK, RetirementAsked(task=await start(served), notice_s=-1))


async def _is_stopping(settings: Settings, arn: str) -> bool:
    shown: TaskShown = await ask(settings, SHOW_TASK, TaskAsked(arn))
    return bool(shown.task["desiredStatus"] == "STOPPED")


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await holds():
            await asyncio.sleep(0.01)


async def all_events(settings: Settings, **asked: Any) -> list[EventTold]:
    params = EventsAsked(**asked)
    return await asyncio.to_thread(lambda: list(answers(settings, FOLLOW_EVENTS, params, timeout_s=5)))


async def versions(settings: Settings, **asked: Any) -> list[tuple[str, int]]:
    told = [one.document for one in await all_events(settings, **asked)]
    return [(one["resources"][0], one["detail"]["version"]) for one in told if one is not None]


async def test_events_are_those_asked_for(served: Account, settings: Settings) -> None:
    await served.call("CreateCluster", clusterName="other")
    first, second = await start(served), await start(served, cluster="other")
    await served.call("StopTask", task=first)
    every = [(first, 1), (second, 1), (first, 2)]
    assert await versions(settings, last=100) == every
    assert await versions(settings, last=2) == every[1:]
    assert await versions(settings, last=0) == []
    assert await versions(settings, last=9, task=first.rsplit("/", 1)[-1]) == [every[0], every[2]]
    assert await versions(settings, last=1, task=first) == [every[2]]
    assert await versions(settings, last=9, cluster="other") == [every[1]]
    places = [one.place for one in await all_events(settings, last=100)]
    assert await versions(settings, after=places[2]) == every[2:]
    assert await versions(settings, after=places[2], cluster="other") == []


async def test_more_events_than_are_read_at_once_come_too(served: Account, settings: Settings) -> None:
    def write(txn: Txn) -> None:
        for number in range(450):
            _append(txn, number)

    await served.store.update(write)
    told = await all_events(settings, last=450)
    assert [one.document["n"] for one in told if one.document] == list(range(450))


class Follower:
    """Follows events as the command does, on a thread of its own, and comes back after a cut."""

    def __init__(self, settings: Settings) -> None:
        self.place: int | None = None
        self.cuts = 0
        self.seen: list[int] = []
        self._settings = settings
        self.has_ended = False

    def run(self, *, until: int) -> None:
        while len(self.seen) < until:
            params = EventsAsked(after=self.place, is_followed=True)
            try:
                for told in answers(self._settings, FOLLOW_EVENTS, params, timeout_s=10):
                    if told.document is not None:
                        self.seen.append(told.document["n"])
                    self.place = told.place
                    if len(self.seen) >= until:
                        return
            except (Cut, Unavailable):
                self.cuts += 1


async def test_following_goes_on_over_restarts_and_misses_and_repeats_nothing(
    account: Account, settings: Settings
) -> None:
    follower = Follower(settings)
    numbers = count()

    async def write(amount: int) -> None:
        for _ in range(amount):
            await account.store.update(partial(_append, number=next(numbers)))

    await write(5)  # before the following began: not for it
    async with listening(account, settings):
        following = asyncio.create_task(asyncio.to_thread(follower.run, until=65))
        await eventually(lambda: _is_placed(follower))
        await write(20)
    await write(10)
    async with listening(account, settings):
        await write(15)
    async with listening(account, settings):
        await write(20)
        await asyncio.wait_for(following, 10)
    assert follower.seen == list(range(5, 70))
    assert follower.cuts >= 2


def _append(txn: Txn, number: int) -> None:
    txn.append_event("s", {"n": number}, subject="t", parent="c", at_s=1.0)


async def _is_placed(follower: Follower) -> bool:
    return follower.place is not None


async def test_a_store_that_is_away_is_no_refusal(account: Account, settings: Settings) -> None:
    async with listening(account, settings):
        await account.store.close()
        with pytest.raises(Cut, match="The store is closed"):
            await ask(settings, LIST_TASKS, TasksAsked())


async def test_a_follower_that_leaves_is_let_go(served: Account, settings: Settings) -> None:
    reader, writer = await asyncio.open_unix_connection(str(settings.operator_socket))
    writer.write(render_message(Ask("events", msgspec.Raw(b'{"is_followed": true}'))))
    async with asyncio.timeout(5):
        await reader.read(10)
    assert len(served.store._feed._watches) == 1
    writer.close()
    await eventually(lambda: _nobody_watches(served.store))


async def _nobody_watches(store: Store) -> bool:
    return not store._feed._watches


async def test_an_operator_is_let_into_the_own_ecr_as_root_of_its_account(
    served: Account, settings: Settings
) -> None:
    registry = "111122223333.dkr.ecr.eu-west-1.localhost:4566"
    login = await ask(settings, LOG_IN, LoginAsked(registry=registry))
    word = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    headers = {"host": registry, "authorization": f"Basic {word}"}
    caller = authenticate(VAULT, settings, headers, now=served.now).caller
    assert (caller.account, caller.region) == ("111122223333", "eu-west-1")
    assert caller.principal_arn == "arn:aws:iam::111122223333:root"
    assert login.password not in repr(login)
    with pytest.raises(Fault, match="none of this installation's"):
        await ask(settings, LOG_IN, LoginAsked(registry="docker.io"))
