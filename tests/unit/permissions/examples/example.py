"""What an example of AWS's documentation is: policies, requests they allow, and requests they do not.

The policies are told in our words and names, and cut to what they are examples of.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bastide.permissions import Principal
from tests.unit.permissions.asking import ACCOUNT, USER, statement

Statements = Sequence[Mapping[str, Any]]
IAM = f"arn:aws:iam::{ACCOUNT}"


class To(NamedTuple):
    """Who asks to do what; keys as AWS writes them."""

    action: str
    resource: str = "*"
    keys: Mapping[str, Any] = {}
    who: Principal = USER


class Example(NamedTuple):
    """The statements of the policies there are; `also` stands at the identity, in a policy of its own."""

    identity: Statements
    allowed: Sequence[To]
    refused: Sequence[To]
    also: Statements = ()
    boundary: Statements | None = None
    session: Statements | None = None
    resource: Statements | None = None
    trust: Statements | None = None
    version: str = "2012-10-17"


Examples = Mapping[str, Example]
EVERYTHING = (statement(),)


def at(effect: str, principal: Any, action: Any, resource: Any = None, **more: Any) -> Mapping[str, Any]:
    """A statement of a resource's policy, or of a role's without a resource."""
    return statement(effect, action, resource, Principal=principal, **more)
