"""Where a call came from, as policies are told it: an address of the world's, or a VPC's."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bastide.api.authorization.keys import request_keys
from bastide.api.operation import Caller, Context, Origin
from bastide.config import Settings
from tests.unit.api.serving import VAULT

PLACES = {"aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip"}
CALLER = Caller(account="111122223333", region="eu-west-1", principal_arn="arn:aws:iam::1:root", user_id="1")


@pytest.mark.parametrize(
    ("origin", "keys"),
    [
        (Origin(address="192.0.2.7"), {"aws:sourceip": "192.0.2.7"}),
        (
            Origin(address="10.0.0.5", vpc_id="vpc-1"),
            {"aws:sourcevpc": "vpc-1", "aws:vpcsourceip": "10.0.0.5"},
        ),
        (
            Origin(address="10.0.0.5", vpc_id="vpc-1", endpoint_id="vpce-1"),
            {"aws:sourcevpc": "vpc-1", "aws:vpcsourceip": "10.0.0.5", "aws:sourcevpce": "vpce-1"},
        ),
        (Origin(), {}),
    ],
)
def test_a_call_has_the_keys_of_its_way(origin: Origin, keys: dict[str, str]) -> None:
    context = Context(
        caller=CALLER,
        now=datetime.now(UTC),
        request_id="r",
        settings=Settings(),
        vault=VAULT,
        origin=origin,
    )
    known = request_keys(context, cast(Any, None))  # the root user has no record to be looked up
    assert {name: value for name, value in known.items() if name in PLACES} == keys
