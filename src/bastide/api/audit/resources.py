"""Which resources a call was about: the ARNs, ids and names in its parameters and its answer.

Types are CloudFormation's names, as LookupEvents has them. Looked for where the services put them, at the top
and one step below; a call that names hundreds is about the first of them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bastide.api.operation import Document
from bastide.model.arn import parse_arn

RESOURCES_MAX = 20
SERVICES: Mapping[str, str] = {
    "cloudtrail": "CloudTrail",
    "iam": "IAM",
    "logs": "Logs",
    "secretsmanager": "SecretsManager",
}
# Of the members that name something without being an ARN, what it is.
NAMES: Mapping[str, Mapping[str, str]] = {
    "ecr": {"repositoryName": "Repository", "repositoryNames": "Repository"},
    "ecs": {
        "cluster": "Cluster",
        "clusterName": "Cluster",
        "clusters": "Cluster",
        "family": "TaskDefinition",
        "service": "Service",
        "task": "Task",
        "taskDefinition": "TaskDefinition",
        "tasks": "Task",
    },
    "iam": {
        "accessKeyId": "AccessKey",
        "groupName": "Group",
        "instanceProfileName": "InstanceProfile",
        "policyName": "Policy",
        "roleName": "Role",
        "userName": "User",
    },
    "logs": {"logGroupName": "LogGroup"},
    "s3": {"bucket": "Bucket"},
    "secretsmanager": {"name": "Secret", "secretId": "Secret"},
    "ssm": {"name": "Parameter", "names": "Parameter"},
}
EC2_IDS: Mapping[str, str] = {
    "acl": "NetworkAcl",
    "dopt": "DHCPOptions",
    "eipalloc": "EIP",
    "eni": "NetworkInterface",
    "fl": "FlowLog",
    "igw": "InternetGateway",
    "nat": "NatGateway",
    "pl": "PrefixList",
    "rtb": "RouteTable",
    "sg": "SecurityGroup",
    "subnet": "Subnet",
    "vpc": "VPC",
    "vpce": "VPCEndpoint",
}
_EC2_ID = re.compile(r"([a-z]{2,8})-[0-9a-f]{8,17}")


def resources_in(service: str, *documents: Any) -> list[Document]:
    """Each once, in the order they are named."""
    found: dict[tuple[str, str], Document] = {}
    for document in documents:
        for name, value in _named(document):
            if (resource := _resource(service, name, value)) is not None:
                found.setdefault((resource["type"], value), resource)
                if len(found) == RESOURCES_MAX:
                    return list(found.values())
    return list(found.values())


def resource_name(resource: Document) -> str:
    """By what a resource is looked up."""
    return str(resource.get("ARN") or resource.get("resourceName", ""))


def _named(document: Any) -> Iterator[tuple[str, str]]:
    """Members that are text or lists of text, at the top and one step below."""
    if not isinstance(document, dict):
        return
    for name, value in document.items():
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, dict):
            yield from ((inner, text) for inner, text in value.items() if isinstance(text, str))
        elif isinstance(value, list):
            for item in value[:RESOURCES_MAX]:
                if isinstance(item, str):
                    yield name, item
                elif isinstance(item, dict):
                    yield from ((inner, text) for inner, text in item.items() if isinstance(text, str))


def _resource(service: str, name: str, value: str) -> Document | None:
    if value.startswith("arn:"):
        arn = parse_arn(value)
        if arn is None:
            return None
        return {"accountId": arn.account, "type": _type_of(arn.service, arn.resource), "ARN": value}
    if service == "ec2":
        found = _EC2_ID.fullmatch(value)
        kind = EC2_IDS.get(found[1]) if found else None
    else:
        kind = NAMES.get(service, {}).get(name)
    if kind is None or not value:
        return None
    return {"type": f"AWS::{_service(service)}::{kind}", "resourceName": value}


def _type_of(service: str, resource: str) -> str:
    """`AWS::ECS::TaskDefinition` for `task-definition/web:3` of ecs."""
    if service == "s3":
        return "AWS::S3::Object" if "/" in resource else "AWS::S3::Bucket"
    words = re.split(r"[:/]", resource, maxsplit=1)[0].split("-")
    return f"AWS::{_service(service)}::{''.join(word.capitalize() for word in words)}"


def _service(name: str) -> str:
    return SERVICES.get(name, name.upper())
