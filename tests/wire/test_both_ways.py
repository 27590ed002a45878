"""Every operation Bastide lists, and samples of others: botocore sends, we read; we answer, it reads."""

from typing import Any

import pytest
from botocore.model import Shape

from bastide.wire import spec
from tests.wire.oracle import KEY, REGION, example, operation_of, read_back, serialized, verified

ECS = """CreateCluster DescribeClusters ListClusters UpdateCluster UpdateClusterSettings DeleteCluster
PutClusterCapacityProviders DescribeCapacityProviders RegisterTaskDefinition DescribeTaskDefinition
ListTaskDefinitions ListTaskDefinitionFamilies DeregisterTaskDefinition DeleteTaskDefinitions
RunTask StopTask DescribeTasks ListTasks TagResource UntagResource ListTagsForResource ListAccountSettings
PutAccountSetting PutAccountSettingDefault DeleteAccountSetting CreateService UpdateService
DescribeServices"""
EC2 = """DescribeVpcs DescribeSubnets DescribeSecurityGroups DescribeNetworkInterfaces
DescribeAvailabilityZones DescribeRegions AuthorizeSecurityGroupIngress CreateTags CreateVpc
ModifySubnetAttribute"""
LOGS = """CreateLogGroup CreateLogStream DescribeLogGroups DescribeLogStreams PutLogEvents GetLogEvents
FilterLogEvents DeleteLogGroup PutRetentionPolicy"""
SAMPLES = {
    "ecs": ECS,
    "sts": "GetCallerIdentity AssumeRole GetSessionToken",
    "ec2": EC2,
    "logs": LOGS,
    "iam": "CreateRole GetRole ListRoles PutRolePolicy DeleteUser SimulatePrincipalPolicy",
    "cloudwatch": "PutMetricData DescribeAlarms PutMetricAlarm GetMetricData ListMetrics",
    "elbv2": "CreateLoadBalancer DescribeTargetHealth CreateRule ModifyTargetGroupAttributes SetSubnets",
    "ecr": "GetAuthorizationToken DescribeImages PutLifecyclePolicy",
    "lambda": "CreateFunction Invoke ListFunctions TagResource GetFunction AddPermission ListTags",
    "s3": """PutObject GetObject ListBuckets ListObjectsV2 CreateBucket PutBucketTagging GetBucketTagging
    UploadPart CompleteMultipartUpload DeleteObjects CopyObject HeadObject PutBucketAcl
    GetBucketAcl ListParts""",
    "route53": "CreateHostedZone ListHostedZones ChangeResourceRecordSets GetHostedZone",
}
CASES = [
    pytest.param(service, operation, protocol, id=f"{service}-{operation}-{protocol}")
    for service, names in SAMPLES.items()
    for operation in names.split()
    for protocol in spec.service(service).protocols
]


@pytest.mark.parametrize(("service", "name", "protocol"), CASES)
def test_what_botocore_sends_is_read(service: str, name: str, protocol: str) -> None:
    operation = operation_of(service, name)
    params = example(operation.input_shape) if operation.input_shape else {}
    request = serialized(operation, params, protocol)

    identity = verified(request)
    call = spec.parse(request, spec.service_for(request, identity.service))

    assert (identity.access_key_id, identity.region) == (KEY, REGION)
    assert identity.service == spec.service(service).signing_name
    assert (call.service, call.operation, call.protocol) == (service, name, protocol)
    assert call.params == params


@pytest.mark.parametrize(("service", "name", "protocol"), CASES)
def test_botocore_reads_what_we_answer(service: str, name: str, protocol: str) -> None:
    operation = operation_of(service, name)
    shape = operation.output_shape
    result = example(shape) if shape else {}
    if shape is not None and shape.serialization.get("payload"):
        payload = shape.members[shape.serialization["payload"]]
        if payload.type_name == "blob":
            result[shape.serialization["payload"]] = "botocore reads streams as text"
    if any(
        m.serialization.get("location") == "statusCode" for m in (shape.members.values() if shape else ())
    ):
        result = {**result, "StatusCode": 202}

    response = spec.render(spec.Call(service, name, {}, protocol, "request-1"), result)
    parsed = read_back(operation, response, protocol, shape=shape)

    metadata = parsed.pop("ResponseMetadata")
    assert response.status in (200, 201, 202, 204)
    assert metadata.get("RequestId", "request-1") == "request-1"
    assert _as_read(parsed) == _expected(result, shape)


def _as_read(value: Any) -> Any:
    """What botocore reads, its empty containers left out: XML can't tell them from absent ones."""
    if isinstance(value, dict):
        return {key: _as_read(item) for key, item in value.items() if item not in ([], {}, None)}
    return [_as_read(item) for item in value] if isinstance(value, list) else value


def _expected(value: Any, shape: Shape | None) -> Any:
    if shape is None:
        return {}
    if shape.type_name == "structure" and not shape.is_document_type:
        kept = {name: _expected(item, shape.members[name]) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in ([], {})}
    if shape.type_name == "list":
        return [_expected(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: _expected(item, shape.value) for key, item in value.items()}
    return value
