"""What Terraform and CDK ask of IAM, in their order: made, read back, changed, taken away, or the wrong one.

Before a user goes Terraform asks ListMFADevices, ListVirtualMFADevices, ListSSHPublicKeys and more; some look
at ListOpenIDConnectProviders and ListSAMLProviders.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.unit.api.iam.conftest import ALLOW_ALL, TASKS_TRUST
from tests.unit.api.serving import Served

EXECUTION = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
TAGS = [{"Key": "stack", "Value": "web"}]


def refused(call: Callable[..., Any], **params: Any) -> tuple[int, str, str]:
    """Status, code and message of a call that must fail."""
    try:
        call(**params)
    except ClientError as error:
        told, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status, told["Code"], told["Message"]
    raise AssertionError("it was allowed")


async def test_terraform_makes_a_role_changes_it_and_takes_it_away(served: Served) -> None:
    await asyncio.to_thread(role_by_terraform, served.client("iam"))


def role_by_terraform(iam: Any) -> None:
    role = {"RoleName": "app", "AssumeRolePolicyDocument": TASKS_TRUST}
    made = iam.create_role(**role, Path="/", MaxSessionDuration=3600, Tags=TAGS)["Role"]
    read = iam.get_role(RoleName="app")["Role"]
    assert {name: read[name] for name in made} == made
    assert made["AssumeRolePolicyDocument"] == json.loads(TASKS_TRUST)
    assert refused(iam.create_role, **role) == (
        409,
        "EntityAlreadyExists",
        "Role with name app already exists.",
    )
    policy = iam.create_policy(PolicyName="own", PolicyDocument=ALLOW_ALL, Tags=TAGS)["Policy"]
    assert iam.get_policy(PolicyArn=policy["Arn"])["Policy"]["Tags"] == TAGS
    for arn in (policy["Arn"], EXECUTION):
        iam.attach_role_policy(RoleName="app", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"]
    assert {each["PolicyArn"] for each in attached} == {policy["Arn"], EXECUTION}
    iam.put_role_policy(RoleName="app", PolicyName="more", PolicyDocument=ALLOW_ALL)
    iam.create_instance_profile(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    change_policy(iam, policy["Arn"])
    steps: list[tuple[Callable[..., Any], dict[str, str], str]] = [
        (
            iam.remove_role_from_instance_profile,
            {"InstanceProfileName": "app"},
            "must remove roles from instance profile first.",
        ),
        (iam.delete_role_policy, {"PolicyName": "more"}, "must delete policies first."),
        (iam.detach_role_policy, {"PolicyArn": EXECUTION}, "must detach all policies first."),
    ]
    for first, params, why in steps:
        told = (409, "DeleteConflict", f"Cannot delete entity, {why}")
        assert refused(iam.delete_role, RoleName="app") == told
        first(RoleName="app", **params)
    assert refused(iam.delete_policy, PolicyArn=policy["Arn"])[1:] == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    )
    iam.detach_role_policy(RoleName="app", PolicyArn=policy["Arn"])
    again = refused(iam.detach_role_policy, RoleName="app", PolicyArn=policy["Arn"])
    assert again[:2] == (404, "NoSuchEntity")
    iam.delete_role(RoleName="app")
    for call in (iam.get_role, iam.delete_role, iam.list_role_policies):
        assert refused(call, RoleName="app") == (
            404,
            "NoSuchEntity",
            "The role with name app cannot be found.",
        )


def change_policy(iam: Any, arn: str) -> None:
    """As Terraform does: the oldest version makes room, the new one counts."""
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL, SetAsDefault=True)
    full = refused(iam.create_policy_version, PolicyArn=arn, PolicyDocument=ALLOW_ALL, SetAsDefault=True)
    assert full[:2] == (409, "LimitExceeded")
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    oldest = min(versions, key=lambda version: version["CreateDate"])
    iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL, SetAsDefault=True)
    newest = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    shown = iam.get_policy_version(PolicyArn=arn, VersionId=newest)["PolicyVersion"]
    assert (shown["Document"], shown["IsDefaultVersion"]) == (json.loads(ALLOW_ALL), True)


async def test_terraform_takes_away_a_user_with_everything_it_could_have(served: Served) -> None:
    await asyncio.to_thread(user_by_terraform, served.client("iam"))


def user_by_terraform(iam: Any) -> None:
    iam.create_user(UserName="ci", Path="/", Tags=TAGS)
    iam.create_group(GroupName="build")
    iam.add_user_to_group(UserName="ci", GroupName="build")
    key = iam.create_access_key(UserName="ci")["AccessKey"]["AccessKeyId"]
    assert refused(iam.delete_user, UserName="ci")[:2] == (409, "DeleteConflict")
    for group in iam.list_groups_for_user(UserName="ci")["Groups"]:
        iam.remove_user_from_group(UserName="ci", GroupName=group["GroupName"])
    iam.delete_access_key(UserName="ci", AccessKeyId=key)
    for call, member in (
        (iam.list_mfa_devices, "MFADevices"),
        (iam.list_ssh_public_keys, "SSHPublicKeys"),
        (iam.list_service_specific_credentials, "ServiceSpecificCredentials"),
        (iam.list_signing_certificates, "Certificates"),
    ):
        assert call(UserName="ci")[member] == []
        assert refused(call, UserName="nobody")[1] == "NoSuchEntity"
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    for call in (iam.get_login_profile, iam.delete_login_profile):
        assert refused(call, UserName="ci") == (
            404,
            "NoSuchEntity",
            "Login Profile for User ci cannot be found.",
        )
    assert refused(iam.get_account_password_policy)[:2] == (404, "NoSuchEntity")
    iam.delete_user(UserName="ci")
    iam.delete_group(GroupName="build")


async def test_cdk_makes_a_services_roles_in_one_stack_and_rolls_back(served: Served) -> None:
    await asyncio.to_thread(stack_by_cdk, served.client("iam"))


def stack_by_cdk(iam: Any) -> None:
    task = iam.create_role(RoleName="Web-TaskRole-1", AssumeRolePolicyDocument=TASKS_TRUST)["Role"]
    pipeline = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": task["Arn"]},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            },
        }
    )
    iam.create_role(RoleName="Web-Pipeline-1", AssumeRolePolicyDocument=pipeline)
    iam.tag_role(RoleName="Web-TaskRole-1", Tags=[{"Key": "aws-cdk", "Value": "x"}])
    iam.put_role_permissions_boundary(
        RoleName="Web-TaskRole-1", PermissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess"
    )
    read = iam.get_role(RoleName="Web-TaskRole-1")["Role"]
    assert read["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("/PowerUserAccess")
    assert read["Tags"] == [{"Key": "aws-cdk", "Value": "x"}]
    iam.update_role(RoleName="Web-TaskRole-1", Description="web", MaxSessionDuration=7200)
    iam.delete_role(RoleName="Web-TaskRole-1")
    again = iam.update_assume_role_policy
    assert refused(again, RoleName="Web-Pipeline-1", PolicyDocument=pipeline) == (
        400,
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{task["Arn"]}"',
    )
    elsewhere = pipeline.replace(task["Arn"], "arn:aws:iam::999999999999:role/other")
    again(RoleName="Web-Pipeline-1", PolicyDocument=elsewhere)  # nobody is known there
    iam.delete_role(RoleName="Web-Pipeline-1")


async def test_reports_on_what_was_used_are_refused(served: Served) -> None:
    await asyncio.to_thread(reports, served.client("iam"))


def reports(iam: Any) -> None:
    user = iam.create_user(UserName="ann")["User"]["Arn"]
    status, code, message = refused(iam.generate_service_last_accessed_details, Arn=user)
    assert (status, code) == (400, "InvalidAction")
    assert "GenerateServiceLastAccessedDetails" in message
    assert "docs/compat.md" in message
