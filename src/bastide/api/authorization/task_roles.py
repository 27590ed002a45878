"""What is done for a task is done as its roles: their trust is checked, and their policies are asked.

A role that is not there and one that does not trust tasks are told alike, as ECS does.
"""

from datetime import datetime

from bastide.api.authorization.callers import caller_principal, compiled, policies_of
from bastide.api.authorization.decision import check_demand, demand_of
from bastide.api.authorization.keys import moment_keys
from bastide.api.authorization.resources.found import Found
from bastide.api.iam.identities.entities import find_given_role
from bastide.api.operation import Caller
from bastide.model.arn import last_of, parse_arn, render_arn
from bastide.model.faults import Denied
from bastide.permissions import (
    Policies,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    evaluate_trust,
)
from bastide.store import Record, Txn

TASKS = "ecs-tasks.amazonaws.com"
FLOW_LOGS = "vpc-flow-logs.amazonaws.com"  # the other service that acts by itself with a role of the user's
INSTANCES = "ec2.amazonaws.com"  # which roles in instance profiles are for


def find_task_role(txn: Txn, role: str, *, source_arn: str, now: datetime, service: str = TASKS) -> Record:
    """A role that a task is to have, by ARN or name; raises Denied where tasks cannot have it.

    `source_arn` is the ECS resource the role is wanted for, in whose account it has to be.
    """
    source = parse_arn(source_arn)
    account = source.account if source else ""
    record = find_given_role(txn, account, role)
    if record is None or not _trusts(record, service, account, source_arn, now):
        why = (
            f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that "
            "the role being passed has the proper trust relationship and permissions and that your IAM user "
            "has permissions to pass this role."
        )
        raise Denied("role", role, why=why)
    return record


def assume_for_task(txn: Txn, role: str, *, task_arn: str, now: datetime, service: str = TASKS) -> Caller:
    """Whoever acts for a task, or a flow log, with its role; raises Denied where it cannot be had."""
    record = find_task_role(txn, role, source_arn=task_arn, now=now, service=service)
    arn = parse_arn(task_arn)
    assert arn is not None  # a role was found in its account
    session, name = last_of(task_arn), record.document["members"]["RoleName"]
    return Caller(
        account=arn.account,
        region=arn.region,
        principal_arn=render_arn("sts", "", arn.account, f"assumed-role/{name}/{session}"),
        user_id=f"{record.key}:{session}",
        kind=PrincipalKind.ROLE,
        entity=record.key,
        issued_at=now,
    )


def check_as(
    txn: Txn,
    caller: Caller,
    action: str,
    found: Found,
    *,
    now: datetime,
) -> None:
    """Raise Denied unless whoever acts for a task may do one thing to one resource."""
    demand = demand_of(caller_principal(caller), action, found, moment_keys(txn, caller, now))
    check_demand(demand, policies_of(txn, caller))


def _trusts(role: Record, service: str, account: str, source_arn: str, now: datetime) -> bool:
    request = Request(
        action="sts:AssumeRole",
        resource=role.document["members"]["Arn"],
        principal=Principal(kind=PrincipalKind.SERVICE, arn=service, account=account),
        keys={
            "aws:currenttime": now.isoformat(),
            "aws:sourceaccount": account,
            "aws:sourcearn": source_arn,
            "aws:principalisawsservice": "true",
            "aws:principalservicename": service,
        },
    )
    trust = compiled(role.document["trust"], PolicyKind.TRUST)
    return evaluate_trust(request, Policies(), trust).is_allowed
