"""Assignments as a server would send them, for tests of what an agent does with them."""

from bastide.model.assignment import Assignment, Container, Eni
from bastide.model.status import DesiredStatus, TaskStatus

TASK_ID = "0123456789abcdef0123456789abcdef"
ENI = Eni(
    id="eni-0123456789abcdef0",
    mac="0a:00:00:00:00:01",
    private_ip="172.31.0.4",
    subnet_id="subnet-0123456789abcdef0",
    subnet_cidr="172.31.0.0/20",
    vpc_id="vpc-0123456789abcdef0",
    vpc_cidr="172.31.0.0/16",
    hostname="ip-172-31-0-4.ec2.internal",
)


def container(name: str, **fields: object) -> Container:
    """One of TASK_ID's."""
    number = sum(name.encode())
    plain: dict[str, object] = {"image": "app:1", "arn": name, "runtime_id": f"{TASK_ID}-{number:010d}"}
    return Container(name=name, **(plain | fields))  # type: ignore[arg-type]


def assignment(*containers: Container, **fields: object) -> Assignment:
    """TASK_ID with these containers, new and wanted RUNNING unless said otherwise."""
    plain: dict[str, object] = {
        "task_arn": f"arn:aws:ecs:us-east-1:000000000000:task/default/{TASK_ID}",
        "task_id": TASK_ID,
        "version": 1,
        "desired_status": DesiredStatus.RUNNING,
        "last_status": TaskStatus.PROVISIONING,
        "cpu_units": 256,
        "memory_mib": 512,
        "storage_gib": 20,
        "eni": ENI,
        "containers": containers,
    }
    return Assignment(**(plain | fields))  # type: ignore[arg-type]
