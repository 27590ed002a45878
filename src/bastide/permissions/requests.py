"""What is asked: who wants to do what to which resource, and everything else that is known about it."""

from enum import StrEnum

import msgspec

from bastide.permissions.patterns import Keys

ANYTHING = "*"  # the resource of an action that has none


class PrincipalKind(StrEnum):
    """Who a request can come from."""

    ROOT = "root"
    USER = "user"
    ROLE = "role"  # a session of it
    FEDERATED = "federated"  # a user's GetFederationToken
    SERVICE = "service"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `role_arn` is set where `arn` is that of a session: the role's, or the user's whose federated
    session it is. A service's `arn` is its name. The unique ids of both, as far as there are any.
    """

    kind: PrincipalKind
    arn: str
    account: str
    role_arn: str = ""
    id: str = ""
    role_id: str = ""

    @property
    def root_arn(self) -> str:
        """The ARN that stands for the whole account."""
        return f"arn:aws:iam::{self.account}:root"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One action on one resource. `keys` are in lower case; of an absent key nothing is known."""

    action: str
    resource: str
    principal: Principal
    keys: Keys
