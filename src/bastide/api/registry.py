"""Which operations exist: service → operation name → what runs.

Owns the list alone. A name that two modules claim is a mistake found at import.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bastide.api import cloudtrail, ec2, ecr, iam, logs, s3, secretsmanager, ssm, sts
from bastide.api.ecs import (
    account_settings,
    capacity_providers,
    clusters,
    run_task,
    tags,
    task_definitions,
    task_protection,
    tasks,
)
from bastide.api.exec import execute_command, sessions
from bastide.api.operation import Operation

Services = Mapping[str, Mapping[str, Operation]]


def join(*parts: Mapping[str, Operation]) -> Mapping[str, Operation]:
    """One service's operations out of its modules' parts."""
    joined: dict[str, Operation] = {}
    for part in parts:
        if twice := joined.keys() & part.keys():
            raise ValueError(f"claimed by two modules: {', '.join(sorted(twice))}")
        joined.update(part)
    return MappingProxyType(joined)


# A module's line goes in here: `"ecs": join(clusters.OPERATIONS, tasks.OPERATIONS, …)`.
SERVICES: Services = {
    "cloudtrail": join(*cloudtrail.PARTS),
    "ec2": join(*ec2.PARTS),
    "ecr": join(*ecr.PARTS),
    "ecs": join(
        account_settings.OPERATIONS,
        capacity_providers.OPERATIONS,
        clusters.OPERATIONS,
        execute_command.OPERATIONS,
        run_task.OPERATIONS,
        tags.OPERATIONS,
        task_definitions.OPERATIONS,
        task_protection.OPERATIONS,
        tasks.OPERATIONS,
    ),
    "iam": join(*iam.PARTS),
    "logs": join(*logs.PARTS),
    "s3": join(*s3.PARTS),
    "secretsmanager": join(*secretsmanager.PARTS),
    "ssm": join(*ssm.PARTS, sessions.OPERATIONS),
    "sts": join(*sts.PARTS),
}
