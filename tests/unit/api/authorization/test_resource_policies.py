"""Policies that stand at a resource, for every service that has them and every kind of principal.

IAM user guide, "Policy evaluation for requests within a single account": a user, or a session by its own
ARN, needs nothing else; a role's sessions need boundary and session policy; an account's name hands on to
the caller's own policies; a denial beats everything.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.api.authorization.world import (
    ACCOUNT,
    DENIED,
    REGION,
    ROLE,
    World,
    allow,
    deny,
    policy,
    refused,
    session_keys,
    trusting,
)

ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
Put = Callable[[World, str], None]
Place = tuple[Put, str, str, dict[str, Any], str, str]


def _secret(world: World, text: str) -> None:
    client = world.admin("secretsmanager")
    client.put_resource_policy(SecretId="db", ResourcePolicy=text)


def _bucket(world: World, text: str) -> None:
    world.admin("s3").put_bucket_policy(Bucket="papers", Policy=text)


def _log_group(world: World, text: str) -> None:
    world.admin("logs").put_resource_policy(policyName="p", policyDocument=text)


def _repository(world: World, text: str) -> None:
    world.admin("ecr").set_repository_policy(repositoryName="one", policyText=text)


GROUP_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/one:*"
PLACES: dict[str, Place] = {
    "secret": (
        _secret,
        "secretsmanager",
        "get_secret_value",
        {"SecretId": "db"},
        "secretsmanager:GetSecretValue",
        "*",
    ),
    "object": (
        _bucket,
        "s3",
        "get_object",
        {"Bucket": "papers", "Key": "a"},
        "s3:GetObject",
        "arn:aws:s3:::papers/*",
    ),
    "bucket": (
        _bucket,
        "s3",
        "list_objects_v2",
        {"Bucket": "papers"},
        "s3:ListBucket",
        "arn:aws:s3:::papers",
    ),
    "log group": (
        _log_group,
        "logs",
        "filter_log_events",
        {"logGroupName": "/one"},
        "logs:FilterLogEvents",
        GROUP_ARN,
    ),
    "repository": (_repository, "ecr", "list_images", {"repositoryName": "one"}, "ecr:ListImages", ""),
}


def make_all(world: World) -> None:
    world.admin("secretsmanager").create_secret(Name="db", SecretString="pw")
    world.admin("s3", region="us-east-1").create_bucket(Bucket="papers")
    world.admin("s3").put_object(Bucket="papers", Key="a", Body=b"text")
    world.admin("logs").create_log_group(logGroupName="/one")
    world.admin("ecr").create_repository(repositoryName="one")


def at(resource: str, action: str, principal: Any, effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Principal": principal, "Action": action}
    return policy(statement | ({"Resource": resource} if resource else {}))


@pytest.mark.parametrize("place", PLACES)
async def test_whom_the_resource_names_may_and_whom_it_denies_may_not(world: World, place: str) -> None:
    def attempt() -> None:
        make_all(world)
        put, service, operation, params, action, resource = PLACES[place]
        call = getattr(world.client(service, world.user("ann")), operation)
        assert refused(call, **params)[0] in DENIED
        put(world, at(resource, action, {"AWS": ANN}))
        call(**params)
        put(world, at(resource, action, {"AWS": ACCOUNT}))
        code, message = refused(call, **params)
        assert code in DENIED
        assert message.endswith(f"because no identity-based policy allows the {action} action")
        world.permit("ann", allow("*"))
        call(**params)
        put(world, at(resource, action, {"AWS": ANN}, "Deny"))
        assert refused(call, **params)[1].endswith("with an explicit deny in a resource-based policy")
        world.permit("ann", deny("*"))
        put(world, at(resource, action, {"AWS": ANN}))
        assert refused(call, **params)[1].endswith("with an explicit deny in an identity-based policy")

    await asyncio.to_thread(attempt)


READ: dict[str, tuple[str, str, dict[str, Any], Callable[[Any], str]]] = {
    "secret": (
        "secretsmanager",
        "get_resource_policy",
        {"SecretId": "db"},
        lambda got: got["ResourcePolicy"],
    ),
    "object": ("s3", "get_bucket_policy", {"Bucket": "papers"}, lambda got: got["Policy"]),
    "bucket": ("s3", "get_bucket_policy", {"Bucket": "papers"}, lambda got: got["Policy"]),
    "log group": (
        "logs",
        "describe_resource_policies",
        {},
        lambda got: got["resourcePolicies"][0]["policyDocument"],
    ),
    "repository": ("ecr", "get_repository_policy", {"repositoryName": "one"}, lambda got: got["policyText"]),
}


@pytest.mark.parametrize("place", PLACES)
async def test_who_is_named_is_who_was_there_and_not_who_has_the_name(world: World, place: str) -> None:
    def attempt() -> None:
        make_all(world)
        put, service, operation, params, action, resource = PLACES[place]
        reads, read, named, text_of = READ[place]
        text = at(resource, action, {"AWS": ANN})
        with pytest.raises(ClientError, match=r"(?i)principal"):
            put(world, text)
        keys = world.user("ann")
        unique_id = world.iam.get_user(UserName="ann")["User"]["UserId"]
        put(world, text)
        shown = getattr(world.admin(reads), read)
        assert text_of(shown(**named)) == text
        world.iam.update_user(UserName="ann", NewUserName="bob")
        assert text_of(shown(**named)) == text.replace("/ann", "/bob")
        getattr(world.client(service, keys), operation)(**params)
        world.remove("bob", keys)
        assert text_of(shown(**named)) == text.replace(ANN, unique_id)
        call = getattr(world.client(service, world.user("ann")), operation)
        assert refused(call, **params)[0] in DENIED

    await asyncio.to_thread(attempt)


async def test_boundaries_and_session_policies_bind_by_the_kind_of_principal(world: World) -> None:
    await asyncio.to_thread(kinds_of_principals, world)


def kinds_of_principals(world: World) -> None:
    make_all(world)
    _, _, _, params, action, resource = PLACES["secret"]
    narrow = policy(allow("sts:*"))
    bound = world.iam.create_policy(PolicyName="b", PolicyDocument=narrow)["Policy"]["Arn"]

    def ask(keys: dict[str, str]) -> Any:
        return world.client("secretsmanager", keys).get_secret_value

    ann = world.user("ann")
    world.iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=bound)
    _secret(world, at(resource, action, {"AWS": ANN}))
    ask(ann)(**params)  # a user by its ARN: the boundary does not bind

    world.role("app", trusting({"AWS": ANN}), allow("ecs:*"), PermissionsBoundary=bound)
    sts = world.client("sts", ann)
    asked = {"RoleArn": f"{ROLE}/app", "RoleSessionName": "one"}
    session = session_keys(sts.assume_role(**asked)["Credentials"])
    _secret(world, at(resource, action, {"AWS": f"{ROLE}/app"}))
    told = refused(ask(session), **params)[1]
    assert told.endswith(f"because no permissions boundary allows the {action} action")
    _secret(world, at(resource, action, {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/app/one"}))
    ask(session)(**params)  # a session by its ARN: it does not bind either

    world.iam.delete_role_permissions_boundary(RoleName="app")
    narrowed = session_keys(sts.assume_role(Policy=narrow, **asked)["Credentials"])
    ask(narrowed)(**params)
    _secret(world, at(resource, action, {"AWS": f"{ROLE}/app"}))
    told = refused(ask(narrowed), **params)[1]
    assert told.endswith(f"because no session policy allows the {action} action")
    ask(session)(**params)  # a role by its ARN, and neither boundary nor session policy

    world.iam.delete_user_permissions_boundary(UserName="ann")
    world.permit("ann", allow("sts:*"))
    token = sts.get_federation_token(Name="fed", Policy=narrow)["Credentials"]
    federated = session_keys(token)
    _secret(world, at(resource, action, {"AWS": ANN}))
    told = refused(ask(federated), **params)[1]
    assert told.endswith(f"because no session policy allows the {action} action")
    _secret(world, at(resource, action, {"AWS": f"arn:aws:sts::{ACCOUNT}:federated-user/fed"}))
    ask(federated)(**params)


async def test_sessions_of_somebody_gone_may_nothing_even_where_everybody_may(world: World) -> None:
    def attempt() -> None:
        make_all(world)
        keys = world.user("ann", allow("sts:*", "*"))
        sts = world.client("sts", keys)
        world.iam.create_role(RoleName="app", AssumeRolePolicyDocument=trusting({"AWS": ANN}))
        assumed = sts.assume_role(RoleArn=f"{ROLE}/app", RoleSessionName="one")["Credentials"]
        everything = policy(allow("*"))
        held = [
            assumed,
            sts.get_session_token()["Credentials"],
            sts.get_federation_token(Name="fed", Policy=everything)["Credentials"],
        ]
        _, _, _, params, action, resource = PLACES["secret"]
        _secret(world, at(resource, action, "*"))
        clients = [world.client("secretsmanager", session_keys(one)) for one in held]
        for client in clients:
            client.get_secret_value(**params)
        world.iam.delete_role(RoleName="app")
        world.iam.delete_user_policy(UserName="ann", PolicyName="own")
        world.remove("ann", keys)
        for client in clients:
            assert refused(client.get_secret_value, **params)[0] == "UnrecognizedClientException"

    await asyncio.to_thread(attempt)


async def test_a_log_groups_own_policy_is_about_it_alone(world: World) -> None:
    def attempt() -> None:
        make_all(world)
        admin = world.admin("logs")
        admin.create_log_group(logGroupName="/two")
        search = world.client("logs", world.user("ann")).filter_log_events
        text = at("*", "logs:FilterLogEvents", {"AWS": ANN})
        admin.put_resource_policy(resourceArn=GROUP_ARN, policyDocument=text)
        search(logGroupName="/one")
        assert refused(search, logGroupName="/two")[0] in DENIED

    await asyncio.to_thread(attempt)
