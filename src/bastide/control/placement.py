"""Gives every new task a host and an address: writes placement, interface and attachment.

A task nobody has placed and that is wanted STOPPED ends here; one that finds no room waits for a host or
for another task's end. Kinds written: `placement` (key: task ARN, parent: host), `network-interface` and
`public-address`; `control/enis` removes them again.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address

from bastide.config import Settings
from bastide.loop import Loop
from bastide.model.arn import parse_arn
from bastide.model.network import kinds, public_pool
from bastide.model.status import (
    NO_CAPACITY,
    STOPPED_BY_USER,
    DesiredStatus,
    StopCode,
    TaskStatus,
)
from bastide.model.task import Document, ended_unstarted, status_of, with_interface
from bastide.plan.placement import (
    Host,
    Wait,
    choose_host,
    order_subnets,
)
from bastide.store import Record, Store, Txn
from bastide.store.following import follow
from bastide.store.network.addresses import find_free_address, find_public_address, take_public_address
from bastide.store.network.interfaces import new_interface, with_public_address
from bastide.store.records import Change
from bastide.store.tasks import put_task

ENI_DIGITS = 17
AMAZON = "amazon"  # the owner of a public address that comes and goes with its interface
_ENI_ERROR = "Unexpected EC2 error while attempting to Create Network Interface"


class Placement:
    """Every task that has no host yet."""

    def __init__(
        self, store: Store, settings: Settings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._pool = public_pool(settings.instance, settings.public_pool)
        self._cpu_overcommit = settings.cpu_overcommit
        self._now = now
        self._waiting: dict[str, None] = {}
        self._loop: Loop[str] = Loop(self.reconcile)

    async def run(self) -> None:
        """Place tasks until cancelled."""
        await self._loop.run(
            follow(
                self._store,
                ("task", "host", "placement"),
                on_all=self._wake_all,
                on_change=self._wake_changed,
            )
        )

    async def reconcile(self, arn: str) -> None:
        """Place the task if that is still to be done."""
        if await self._store.view(lambda txn: _is_unplaced(txn.get("task", arn))):
            self._waiting[arn] = None  # first: a host that comes meanwhile is to wake it again
            at_s = round(self._now().timestamp(), 3)
            if await self._store.update(lambda txn: self._place(txn, arn, at_s)) is not None:
                return
        self._waiting.pop(arn, None)

    async def _wake_all(self) -> None:
        for record in await self._store.view(lambda txn: txn.find("task")):
            if _is_unplaced(record):
                self._loop.wake(record.key)

    def _wake_changed(self, change: Change) -> None:
        if change.kind == "task":
            self._loop.wake(change.key)
        elif change.kind == "host" or change.version == 0:
            for arn in self._waiting:
                self._loop.wake(arn)

    def _place(self, txn: Txn, arn: str, at_s: float) -> Wait | None:
        record = txn.get("task", arn)
        if record is None or not _is_unplaced(record):
            return None
        if record.status == DesiredStatus.STOPPED:
            _end(txn, record, at_s, StopCode.USER_INITIATED, STOPPED_BY_USER)
            return None
        task = record.document["task"]
        cpu_units, memory_mib = int(task["cpu"]), int(task["memory"])
        host = choose_host(
            read_hosts(txn),
            cpu_units=cpu_units,
            memory_mib=memory_mib,
            cpu_overcommit=self._cpu_overcommit,
        )
        if host is Wait.TOO_LARGE:
            _end(txn, record, at_s, StopCode.TASK_FAILED_TO_START, NO_CAPACITY)
            return None
        if isinstance(host, Wait):
            return host
        trouble = self._attach(txn, record, host.id, at_s)
        if trouble:
            _end(txn, record, at_s, StopCode.TASK_FAILED_TO_START, trouble)
        return None

    def _attach(self, txn: Txn, record: Record, host: str, at_s: float) -> str:
        """Write interface and placement; the reason it cannot be done, or nothing."""
        is_public = record.document["network"]["assignPublicIp"] == "ENABLED"
        promised = record.document["task"]["attachments"][0]["details"][0]["value"]
        found = _find_address(txn, record, promised)
        what = f"{_ENI_ERROR} with public IP assignment enabled" if is_public else _ENI_ERROR
        if found is None:
            return f"{what} in subnet '{promised}': InsufficientFreeAddressesInSubnet"
        subnet, address = found
        if any(
            txn.get(kinds.SECURITY_GROUP, one) is None for one in record.document["network"]["securityGroups"]
        ):
            return f"{what} in subnet '{subnet.key}': InvalidGroup.NotFound"
        public_ip = find_public_address(txn, self._pool, record.key) if is_public else None
        if is_public and public_ip is None:
            return f"{what} in subnet '{subnet.key}': InsufficientAddressCapacity"
        eni = _new_eni(record, subnet, address, public_ip, at_s)
        txn.put(eni)
        if public_ip is not None:
            take_public_address(txn, public_ip, holder=eni.key)
        _put_placement(txn, record, host, eni)
        details = {
            "subnetId": subnet.key,
            "networkInterfaceId": eni.key,
            "macAddress": eni.document["MacAddress"],
            "privateDnsName": eni.document["PrivateDnsName"],
            "privateIPv4Address": str(address),
        }
        zone = subnet.document["AvailabilityZone"]
        placed = with_interface(record.document, host=host, zone=zone, eni=eni.key, details=details)
        put_task(txn, record, placed, at_s=at_s)
        return ""


def read_hosts(txn: Txn) -> list[Host]:
    """The connected hosts with what is placed on them."""
    hosts = []
    for record in txn.find("host", status="CONNECTED"):
        capacity = record.document["capacity"]
        placed = [placement.document for placement in txn.find("placement", parent=record.key)]
        hosts.append(
            Host(
                id=record.key,
                cpu_units=capacity["cpuUnits"],
                memory_mib=capacity["memoryMib"],
                used_cpu_units=sum(one["cpuUnits"] for one in placed),
                used_memory_mib=sum(one["memoryMib"] for one in placed),
            )
        )
    return hosts


def _is_unplaced(record: Record | None) -> bool:
    return (
        record is not None
        and record.document["host"] is None
        and status_of(record.document) is not TaskStatus.STOPPED
    )


def _find_address(txn: Txn, record: Record, promised: str) -> tuple[Record, IPv4Address] | None:
    """A free address in the first of the task's subnets that has one."""
    for subnet_id in order_subnets(record.document["network"]["subnets"], first=promised):
        subnet = txn.get(kinds.SUBNET, subnet_id)
        if subnet is None:
            continue
        address = find_free_address(txn, subnet, record.key)
        if address is not None:
            return subnet, address
    return None


def _new_eni(
    record: Record, subnet: Record, address: IPv4Address, public_ip: IPv4Address | None, at_s: float
) -> Record:
    """The task's interface; `_task` names whose it is."""
    parsed = parse_arn(record.key)
    assert parsed is not None, "a task's key is its ARN"
    attachment = record.document["task"]["attachments"][0]["id"]
    eni = new_interface(
        subnet,
        eni_id=f"eni-{secrets.token_hex(ENI_DIGITS)[:ENI_DIGITS]}",
        address=address,
        groups=record.document["network"]["securityGroups"],
        description=f"arn:aws:ecs:{parsed.region}:{parsed.account}:attachment/{attachment}",
    )
    document: Document = {
        **eni.document,
        "RequesterManaged": True,
        "Status": "in-use",
        "Attachment": {
            "AttachmentId": f"eni-attach-{eni.key.removeprefix('eni-')}",
            "AttachTime": at_s,
            "DeleteOnTermination": True,
            "DeviceIndex": 1,
            "Status": "attached",
            "InstanceOwnerId": parsed.account,
        },
        kinds.TASK_MEMBER: record.key,
    }
    if public_ip is not None:
        document = with_public_address(document, str(public_ip), region=parsed.region, IpOwnerId=AMAZON)
    return eni.changed(document=document)


def _put_placement(txn: Txn, record: Record, host: str, eni: Record) -> None:
    task = record.document["task"]
    document = {"cpuUnits": int(task["cpu"]), "memoryMib": int(task["memory"]), "eni": eni.key}
    txn.put(Record("placement", record.key, record.scope, document, parent=host, name=record.name))


def _end(txn: Txn, record: Record, at_s: float, code: StopCode, reason: str) -> None:
    document = ended_unstarted(record.document, at_s=at_s, code=code, reason=reason)
    put_task(txn, record, document, at_s=at_s)
