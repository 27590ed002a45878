"""Gives every new task a host and an address: writes placement, interface and attachment.

A task nobody has placed and that is wanted STOPPED ends here; one that finds no room waits for a host or
for another task's end. Kinds written: `placement` (key: task ARN, parent: host), `network-interface` and
`public-address`; `control/enis` removes them again.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from ipaddress import IPv4Address, IPv4Network

from bastide.config import Settings
from bastide.loop import Loop
from bastide.model.arn import parse_arn
from bastide.model.network import mac_of, private_dns_name, public_pool
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
    choose_address,
    choose_host,
    count_usable,
    order_subnets,
)
from bastide.store import Record, Store, Txn
from bastide.store.following import follow
from bastide.store.network import kinds
from bastide.store.records import Change
from bastide.store.tasks import put_task

POOL_RESERVED_FIRST = 2  # network, and the host's own end
ENI_DIGITS = 17
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
        public_ip = self._find_public_address(txn, record.key) if is_public else None
        if is_public and public_ip is None:
            return f"{what} in subnet '{subnet.key}': InsufficientAddressCapacity"
        eni = _new_eni(record, subnet, address, public_ip, at_s)
        txn.put(eni)
        if public_ip is not None:
            txn.put(Record(kinds.PUBLIC_ADDRESS, str(public_ip), "", {}, parent=eni.key))
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

    def _find_public_address(self, txn: Txn, seed: str) -> IPv4Address | None:
        if txn.count(kinds.PUBLIC_ADDRESS) >= count_usable(self._pool, reserved_first=POOL_RESERVED_FIRST):
            return None
        return choose_address(
            self._pool,
            seed,
            lambda address: txn.get(kinds.PUBLIC_ADDRESS, str(address)) is None,
            reserved_first=POOL_RESERVED_FIRST,
        )


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
        block = IPv4Network(subnet.document["CidrBlock"])
        if txn.count(kinds.NETWORK_INTERFACE, parent=subnet_id) >= count_usable(block):
            continue
        address = choose_address(block, record.key, partial(_is_free, txn, subnet_id))
        if address is not None:
            return subnet, address
    return None


def _is_free(txn: Txn, subnet_id: str, address: IPv4Address) -> bool:
    return txn.count(kinds.NETWORK_INTERFACE, parent=subnet_id, name=str(address)) == 0


def _new_eni(
    record: Record, subnet: Record, address: IPv4Address, public_ip: IPv4Address | None, at_s: float
) -> Record:
    """The interface in EC2's shape; `_task` names whose it is."""
    parsed = parse_arn(record.key)
    assert parsed is not None, "a task's key is its ARN"
    eni_id = f"eni-{secrets.token_hex(ENI_DIGITS)[:ENI_DIGITS]}"
    attachment = record.document["task"]["attachments"][0]["id"]
    dns_name = private_dns_name(address, parsed.region)
    association = _association(public_ip, parsed.region) if public_ip else {}
    document: Document = {
        "NetworkInterfaceId": eni_id,
        "SubnetId": subnet.key,
        "VpcId": subnet.parent,
        "AvailabilityZone": subnet.document["AvailabilityZone"],
        "OwnerId": parsed.account,
        "RequesterManaged": True,
        "Status": "in-use",
        "InterfaceType": "interface",
        "Description": f"arn:aws:ecs:{parsed.region}:{parsed.account}:attachment/{attachment}",
        "MacAddress": mac_of(eni_id),
        "PrivateIpAddress": str(address),
        "PrivateDnsName": dns_name,
        "PrivateIpAddresses": [
            {"Primary": True, "PrivateIpAddress": str(address), "PrivateDnsName": dns_name, **association}
        ],
        "Ipv6Addresses": [],
        "SourceDestCheck": True,
        "Groups": [{"GroupId": group} for group in record.document["network"]["securityGroups"]],
        "Attachment": {
            "AttachTime": at_s,
            "DeleteOnTermination": True,
            "DeviceIndex": 1,
            "Status": "attached",
            "InstanceOwnerId": parsed.account,
        },
        "TagSet": [],
        kinds.TASK_MEMBER: record.key,
        **association,
    }
    return Record(
        kinds.NETWORK_INTERFACE, eni_id, record.scope, document, parent=subnet.key, name=str(address)
    )


def _association(public_ip: IPv4Address, region: str) -> Document:
    domain = "compute-1" if region == "us-east-1" else f"{region}.compute"
    name = f"ec2-{str(public_ip).replace('.', '-')}.{domain}.amazonaws.com"
    return {"Association": {"PublicIp": str(public_ip), "PublicDnsName": name, "IpOwnerId": "amazon"}}


def _put_placement(txn: Txn, record: Record, host: str, eni: Record) -> None:
    task = record.document["task"]
    document = {"cpuUnits": int(task["cpu"]), "memoryMib": int(task["memory"]), "eni": eni.key}
    txn.put(Record("placement", record.key, record.scope, document, parent=host, name=record.name))


def _end(txn: Txn, record: Record, at_s: float, code: StopCode, reason: str) -> None:
    document = ended_unstarted(record.document, at_s=at_s, code=code, reason=reason)
    put_task(txn, record, document, at_s=at_s)
