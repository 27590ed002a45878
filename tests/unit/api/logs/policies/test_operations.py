"""Resource policies of CloudWatch Logs: the account's, and a log group's with its revisions."""

from typing import Any

import pytest

from tests.unit.api.authorization.world import policy
from tests.unit.api.logs.conftest import GROUP
from tests.unit.api.refusals import refusal

ARN = f"arn:aws:logs:eu-test-1:111122223333:log-group:{GROUP}"
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": "delivery.logs.amazonaws.com"},
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}
TEXT, OTHER = policy(STATEMENT), policy(STATEMENT | {"Effect": "Deny"})


async def test_the_accounts_policies_are_kept_by_name_and_paged(logs: Any) -> None:
    for name in ("b", "a"):
        put = await logs.call("PutResourcePolicy", policyName=name, policyDocument=TEXT)
    shown = {"policyName": "a", "policyDocument": TEXT, "lastUpdatedTime": logs.now_ms}
    assert put == {"resourcePolicy": shown | {"policyScope": "ACCOUNT"}}
    await logs.call("PutResourcePolicy", policyName="a", policyDocument=OTHER)
    first = await logs.call("DescribeResourcePolicies", limit=1)
    second = await logs.call("DescribeResourcePolicies", limit=1, nextToken=first["nextToken"])
    found = first["resourcePolicies"] + second["resourcePolicies"]
    assert [(one["policyName"], one["policyDocument"]) for one in found] == [("a", OTHER), ("b", TEXT)]
    assert "nextToken" not in second
    await logs.call("DeleteResourcePolicy", policyName="a")
    gone = await refusal(logs.call("DeleteResourcePolicy", policyName="a"), service="logs")
    assert gone[0] == "ResourceNotFoundException"


async def test_a_groups_policy_changes_by_its_revision_and_goes_with_it(logs: Any) -> None:
    put = await logs.call("PutResourcePolicy", resourceArn=ARN, policyDocument=TEXT)
    assert put["resourcePolicy"]["policyScope"] == "RESOURCE"
    stale = logs.call("PutResourcePolicy", resourceArn=ARN, policyDocument=OTHER, expectedRevisionId="x")
    assert (await refusal(stale, service="logs"))[0] == "OperationAbortedException"
    known = {"resourceArn": ARN, "expectedRevisionId": put["revisionId"]}
    again = await logs.call("PutResourcePolicy", policyDocument=OTHER, **known)
    assert again["revisionId"] != put["revisionId"]
    for asked in ({"resourceArn": ARN}, {"policyScope": "RESOURCE"}):
        (found,) = (await logs.call("DescribeResourcePolicies", **asked))["resourcePolicies"]
        assert (found["policyDocument"], found["resourceArn"]) == (OTHER, ARN)
    assert (await logs.call("DescribeResourcePolicies"))["resourcePolicies"] == []
    assert (await refusal(logs.call("DeleteResourcePolicy", **known), service="logs"))[0] == (
        "OperationAbortedException"
    )
    await logs.call("DeleteLogGroup", logGroupName=GROUP)
    await logs.call("CreateLogGroup", logGroupName=GROUP)
    assert (await logs.call("DescribeResourcePolicies", resourceArn=ARN))["resourcePolicies"] == []


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"policyName": "p"}, "policyDocument is required."),
        ({"policyDocument": TEXT}, "policyName is required."),
        ({"policyName": "p", "policyDocument": "{"}, "Invalid policy document: Syntax errors in policy."),
        (
            {"policyName": "p", "policyDocument": policy(STATEMENT | {"Action": "s3:*"})},
            "Invalid policy document: Policy has invalid action",
        ),
        (
            {"policyName": "p", "policyDocument": TEXT + " " * 5120},
            "A resource policy has at most 5120 characters.",
        ),
    ],
)
async def test_what_is_no_policy(logs: Any, params: dict[str, str], told: str) -> None:
    refused = await refusal(logs.call("PutResourcePolicy", **params), service="logs")
    assert refused == ("InvalidParameterException", told)


async def test_an_account_has_ten(logs: Any) -> None:
    for number in range(10):
        await logs.call("PutResourcePolicy", policyName=f"p{number}", policyDocument=TEXT)
    await logs.call("PutResourcePolicy", policyName="p3", policyDocument=OTHER)
    more = logs.call("PutResourcePolicy", policyName="p10", policyDocument=TEXT)
    assert (await refusal(more, service="logs"))[0] == "LimitExceededException"
