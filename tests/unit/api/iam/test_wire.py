"""IAM by boto3, which reads every answer: a life as Terraform leads it."""

import asyncio
import json
from typing import Any

from tests.unit.api.iam.conftest import TASKS_TRUST
from tests.unit.api.serving import Served


async def test_a_role_and_its_policies_by_an_sdk(served: Served) -> None:
    await asyncio.to_thread(live, served.client("iam"))


def live(iam: Any) -> None:
    role = iam.create_role(
        RoleName="web", AssumeRolePolicyDocument=TASKS_TRUST, Tags=[{"Key": "a", "Value": "b"}]
    )
    assert role["Role"]["AssumeRolePolicyDocument"] == json.loads(TASKS_TRUST)
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
    policy = iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="web", PolicyArn=policy)
    iam.put_role_policy(RoleName="web", PolicyName="own", PolicyDocument=json.dumps(document))
    found = iam.get_role(RoleName="web")["Role"]
    assert found["Tags"] == [{"Key": "a", "Value": "b"}]
    assert iam.get_role_policy(RoleName="web", PolicyName="own")["PolicyDocument"] == document
    version = iam.get_policy_version(PolicyArn=policy, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == document
    pages = iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 7})
    assert policy in [one["Arn"] for page in pages for one in page["Policies"]]
    details = iam.get_account_authorization_details()
    assert details["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"] == document
    answer = iam.simulate_principal_policy(PolicySourceArn=found["Arn"], ActionNames=["s3:GetObject"])
    assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed"
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["UserName"] == "ann"
    assert iam.get_user()["User"]["Arn"].endswith(":root")
    assert iam.get_account_summary()["SummaryMap"]["Roles"] == 1
    try:
        iam.delete_role(RoleName="web")
    except iam.exceptions.DeleteConflictException as error:
        told = error.response
    assert told["Error"]["Code"] == "DeleteConflict"
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 409
