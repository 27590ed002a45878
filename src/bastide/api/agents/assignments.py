"""What a host is to do, read out of the store: a task's records put together into one assignment."""

import logging

from bastide.api.operation import Document
from bastide.model.arn import last_of
from bastide.model.assignment import Assignment, Eni, Identity
from bastide.model.faults import Invalid
from bastide.model.network import kinds
from bastide.model.status import DesiredStatus, StopCode, TaskStatus
from bastide.model.task import SERVICE_GROUP, role_of, status_of
from bastide.model.task_definition import LOG_MODE_DEFAULT, containers_of, volumes_of
from bastide.store import Record, Txn

log = logging.getLogger(__name__)


def read_placed(txn: Txn, host_id: str) -> list[Record]:
    """Every task placed on the host that has not STOPPED."""
    tasks = (txn.get("task", placement.key) for placement in txn.find("placement", parent=host_id))
    return [task for task in tasks if task and status_of(task.document) is not TaskStatus.STOPPED]


def read_assignment(txn: Txn, record: Record) -> Assignment | None:
    """The task's assignment; None when it can't be put together, which is a bug and logged.

    One task that can't be told to its host must not keep the others from it.
    """
    try:
        return _assignment_of(txn, record)
    except (ArithmeticError, LookupError, TypeError, ValueError, Invalid):
        log.exception("no assignment can be made of a placed task", extra={"task": record.key})
        return None


def _assignment_of(txn: Txn, record: Record) -> Assignment | None:
    task = record.document["task"]
    definition = txn.get("task-definition", task["taskDefinitionArn"])
    eni = _read_eni(txn, record.document["eni"])
    if definition is None or eni is None:
        log.error("a placed task lacks its task definition or interface", extra={"task": record.key})
        return None
    registered = definition.document["taskDefinition"]
    stop_code = task.get("stopCode")
    return Assignment(
        task_arn=record.key,
        task_id=last_of(record.key),
        version=record.version,
        desired_status=DesiredStatus(task["desiredStatus"]),
        last_status=TaskStatus[task["lastStatus"]],
        cpu_units=int(task["cpu"]),
        memory_mib=int(task["memory"]),
        storage_gib=task["ephemeralStorage"]["sizeInGiB"],
        eni=eni,
        containers=containers_of(registered, task, log_mode=record.document.get("logMode", LOG_MODE_DEFAULT)),
        volumes=volumes_of(registered),
        pid_mode=registered.get("pidMode"),
        stop_code=StopCode(stop_code) if stop_code else None,
        stopped_reason=task.get("stoppedReason"),
        identity=_identity_of(task, registered),
    )


def _identity_of(task: Document, registered: Document) -> Identity:
    group = task["group"]
    return Identity(
        cluster_arn=task["clusterArn"],
        family=registered["family"],
        revision=registered["revision"],
        service=group.removeprefix(SERVICE_GROUP) if group.startswith(SERVICE_GROUP) else None,
        zone=task.get("availabilityZone", ""),
        role_arn=role_of(task, registered),
    )


def _read_eni(txn: Txn, eni_id: str | None) -> Eni | None:
    eni = txn.get(kinds.NETWORK_INTERFACE, eni_id) if eni_id else None
    subnet = txn.get(kinds.SUBNET, eni.parent) if eni else None
    vpc = txn.get(kinds.VPC, subnet.parent) if subnet else None
    if eni is None or subnet is None or vpc is None:
        return None
    return Eni(
        id=eni.key,
        mac=eni.document["MacAddress"],
        private_ip=eni.document["PrivateIpAddress"],
        subnet_id=subnet.key,
        subnet_cidr=subnet.document["CidrBlock"],
        vpc_id=vpc.key,
        vpc_cidr=vpc.document["CidrBlock"],
        hostname=eni.document["PrivateDnsName"],
        public_ip=eni.document.get("Association", {}).get("PublicIp"),
    )
