"""The encoded message of EC2's refusals, and who may have it decoded."""

import asyncio
import json
from typing import Any

from bastide.api.authorization.messages import ENCODED_MAX_CHARS, decode_message, encode_message
from bastide.permissions import Decision, Policies, Principal, PrincipalKind, Request, Source
from tests.unit.api.authorization.world import ACCOUNT, World, allow, deny, refused
from tests.unit.api.conftest import VAULT

ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
HEAD = "Encoded authorization failure message: "


async def test_ec2_says_in_sealed_form_what_decided(world: World) -> None:
    await asyncio.to_thread(ec2_messages, world)


def ec2_messages(world: World) -> None:
    keys = world.user("ann", allow("sts:DecodeAuthorizationMessage"))
    ec2, sts = world.client("ec2", keys), world.client("sts", keys)
    group: dict[str, Any] = {"GroupName": "web", "Description": "d", "VpcId": "vpc-0123456789abcdef0"}
    code, message = refused(ec2.create_security_group, **group)
    sentence, _, encoded = message.partition(HEAD)
    assert code == "UnauthorizedOperation"
    assert sentence.startswith(
        f"You are not authorized to perform this operation. User: {ANN} is not authorized"
    )
    assert sentence.endswith("because no identity-based policy allows the ec2:CreateSecurityGroup action. ")
    decoded = json.loads(sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert (decoded["allowed"], decoded["explicitDeny"]) == (False, False)
    assert decoded["matchedStatements"] == {"items": []}
    context = decoded["context"]
    assert context["principal"]["arn"] == ANN
    assert context["principal"]["id"].startswith("AIDA")
    assert context["action"] == "ec2:CreateSecurityGroup"
    known = {each["key"]: each["values"]["items"] for each in context["conditions"]["items"]}
    assert known["aws:sourceip"] == [{"value": "127.0.0.1"}]
    assert HEAD not in refused(ec2.describe_vpcs)[1]

    changed = encoded[:-2] + ("AA" if encoded[-2:] != "AA" else "BB")
    for text in (changed, "x", "é"):
        told = refused(sts.decode_authorization_message, EncodedMessage=text)
        assert told[0] == "InvalidAuthorizationMessageException"

    stop = deny("ec2:*SecurityGroup", Sid="Stop", Condition={"Bool": {"aws:SecureTransport": "false"}})
    world.permit("ann", allow("ec2:*"), stop)
    sentence, _, encoded = refused(ec2.create_security_group, **group)[1].partition(HEAD)
    assert sentence.endswith("with an explicit deny in an identity-based policy. ")
    assert refused(sts.decode_authorization_message, EncodedMessage=encoded)[0] == "AccessDenied"
    decoding = world.admin("sts").decode_authorization_message
    decoded = json.loads(decoding(EncodedMessage=encoded)["DecodedMessage"])
    assert decoded["explicitDeny"]
    (matched,) = decoded["matchedStatements"]["items"]
    assert (matched["statementId"], matched["effect"]) == ("Stop", "DENY")
    assert matched["actions"] == {"items": [{"value": "ec2:*SecurityGroup"}]}
    assert matched["conditions"]["items"][0]["key"] == "aws:SecureTransport"


def test_a_message_that_would_be_too_long_leaves_the_keys_out() -> None:
    principal = Principal(kind=PrincipalKind.USER, arn=ANN, account=ACCOUNT)
    many = {f"aws:principaltag/{number:x}": f"{number * 7919:x}" * 30 for number in range(2000)}
    request = Request(action="ec2:CreateVpc", resource="*", principal=principal, keys=many)
    encoded = encode_message(VAULT, request, Decision(Source.IDENTITY), Policies())
    assert len(encoded) <= ENCODED_MAX_CHARS
    context = json.loads(decode_message(VAULT, ACCOUNT, encoded))["context"]
    assert context["conditions"] == {"items": []}
    assert context["action"] == "ec2:CreateVpc"
