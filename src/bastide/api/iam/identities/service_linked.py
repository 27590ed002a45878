"""Service-linked roles: a service's own, made on request, changed by nobody."""

import json
from collections.abc import Mapping
from uuid import uuid4

from bastide.api.iam.identities.answers import shown_whole
from bastide.api.iam.identities.entities import ROLE, SERVICE_PATH, find_entity, get_entity, iam_scope
from bastide.api.iam.identities.roles import new_role, remove_role
from bastide.api.iam.policies.attached import (
    ATTACHED,
    attached_arns,
    attachment,
    new_attachment,
)
from bastide.api.iam.policies.aws import AWS_POLICIES
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import Invalid, NotFound
from bastide.store import Record, Txn

DELETION = "iam-role-deletion"
# Service → the name of its role and of the policy it has (service authorization reference and user guides).
ROLES: Mapping[str, tuple[str, str]] = {
    "ecs.amazonaws.com": ("AWSServiceRoleForECS", "AmazonECSServiceRolePolicy"),
    "ecs.application-autoscaling.amazonaws.com": (
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "AWSApplicationAutoscalingECSServicePolicy",
    ),
    "elasticloadbalancing.amazonaws.com": (
        "AWSServiceRoleForElasticLoadBalancing",
        "AWSElasticLoadBalancingServiceRolePolicy",
    ),
}


def create_service_linked_role(txn: Txn, ctx: Context, params: Params) -> Result:
    """The role of a service, with the policy it is known to have."""
    service = params["AWSServiceName"]
    if service not in ROLES:
        why = (
            f"Service role operation not available for {service} here: "
            f"{', '.join(sorted(ROLES))} have service-linked roles, see docs/compat.md."
        )
        raise Invalid("input", service, why=why)
    if "CustomSuffix" in params:
        raise Invalid("input", service, why=f"Custom suffix is not allowed for {service}")
    name, policy = ROLES[service]
    if find_entity(txn, iam_scope(ctx), ROLE, name) is not None:
        why = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise Invalid("input", name, why=why)
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    asked = {
        "RoleName": name,
        "Path": f"{SERVICE_PATH}{service}/",
        "AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    }
    if "Description" in params:
        asked["Description"] = params["Description"]
    record = txn.put(new_role(txn, ctx, asked))
    txn.put(new_attachment(record, AWS_POLICIES[policy].arn, ATTACHED))
    return {"Role": shown_whole(txn, record)}


def delete_service_linked_role(txn: Txn, ctx: Context, params: Params) -> Result:
    """Gone at once; the id of the task that did it."""
    record = get_entity(txn, ctx, ROLE, params)
    path, name = record.document["members"]["Path"], record.document["members"]["RoleName"]
    if not path.startswith(SERVICE_PATH):
        raise Invalid("input", name, why=f"The role {name} is not a service-linked role.")
    for arn in attached_arns(txn, record):
        held = attachment(txn, record, arn, ATTACHED)
        assert held is not None
        txn.delete(held)
    remove_role(txn, record)
    task = f"task{path}{name}/{uuid4()}"
    txn.put(Record(DELETION, task, record.scope, {}))
    return {"DeletionTaskId": task}


def get_service_linked_role_deletion_status(txn: Txn, ctx: Context, params: Params) -> Result:
    """How far a deletion is: done, for it is done when it is answered."""
    task = params["DeletionTaskId"]
    if txn.get(DELETION, task) is None:
        raise NotFound("deletion", task)
    return {"Status": "SUCCEEDED"}


OPERATIONS: Mapping[str, Operation] = {
    "CreateServiceLinkedRole": Writes(create_service_linked_role),
    "DeleteServiceLinkedRole": Writes(delete_service_linked_role),
    "GetServiceLinkedRoleDeletionStatus": Reads(get_service_linked_role_deletion_status),
}
