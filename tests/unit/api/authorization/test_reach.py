"""What keys of GetSessionToken and GetFederationToken reach in STS, and who may ask for them."""

import asyncio

from tests.unit.api.authorization.world import (
    ACCOUNT,
    ROLE,
    World,
    allow,
    refused,
    session_keys,
    trusting,
)

ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
BOB = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"


async def test_a_users_session_asks_little_of_sts(world: World) -> None:
    await asyncio.to_thread(users_session, world)


def users_session(world: World) -> None:
    keys = world.user("ann", allow("*"))
    world.role("deploy", trusting({"AWS": ANN}), allow("*"))
    session = session_keys(world.client("sts", keys).get_session_token()["Credentials"])
    sts = world.client("sts", session)
    assert sts.get_caller_identity()["Arn"] == ANN
    for call, params in (
        (sts.get_session_token, {}),
        (sts.get_federation_token, {"Name": "bob"}),
        (sts.decode_authorization_message, {"EncodedMessage": "x"}),
    ):
        code, message = refused(call, **params)
        assert code == "AccessDenied"
        assert message.endswith(" with session credentials")
    made = sts.assume_role(RoleArn=f"{ROLE}/deploy", RoleSessionName="ci")["Credentials"]
    role = session_keys(made)
    world.client("iam", role).list_users()  # a role's session may
    assert refused(world.client("iam", role).get_user) == (
        "ValidationError",
        "Must specify userName when calling with non-User credentials",
    )
    assert refused(world.client("sts", role).get_session_token)[0] == "AccessDenied"


async def test_a_federated_session_asks_who_it_is_and_is_given_by_name(world: World) -> None:
    await asyncio.to_thread(federated_session, world)


def federated_session(world: World) -> None:
    keys = world.user("ann", allow("sts:GetFederationToken", BOB), allow("ecs:*"))
    sts = world.client("sts", keys)
    assert refused(sts.get_federation_token, Name="eve")[0] == "AccessDenied"
    every = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
    asked = {"Name": "bob", "Policy": every}
    tags = [{"Key": "stage", "Value": "dev"}]
    assert "sts:TagSession on resource: " + BOB in refused(sts.get_federation_token, Tags=tags, **asked)[1]
    session = session_keys(sts.get_federation_token(**asked)["Credentials"])
    federated = world.client("sts", session)
    assert federated.get_caller_identity()["Arn"] == BOB
    assume = {"RoleArn": f"{ROLE}/deploy", "RoleSessionName": "ci"}
    told = "Cannot call AssumeRole with session credentials"
    assert refused(federated.assume_role, **assume) == ("AccessDenied", told)
    # The user's own tags are the session's too, and the session's come over them.
    own = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:PrincipalTag/stage": "dev"}}
    world.permit("ann", allow("sts:*", BOB), allow("ecs:ListClusters", Condition=own))
    tagged = session_keys(sts.get_federation_token(Tags=tags, **asked)["Credentials"])
    world.client("ecs", tagged).list_clusters()
    assert refused(world.client("ecs", session).list_clusters)[0] == "AccessDeniedException"


async def test_no_session_was_begun_with_a_device(world: World) -> None:
    def attempt() -> None:
        condition = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
        keys = world.user("ann", allow("ecs:*", Condition=condition))
        assert refused(world.client("ecs", keys).list_clusters)[0] == "AccessDeniedException"
        session = session_keys(world.client("sts", keys).get_session_token()["Credentials"])
        world.client("ecs", session).list_clusters()

    await asyncio.to_thread(attempt)
