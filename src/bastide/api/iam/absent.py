"""What users and accounts can have on AWS and nobody has here: passwords, MFA devices, keys for SSH …

Tools look for all of it before they remove a user: listings are empty, and what is asked for by name is not
there. Making any of it is refused as an operation that does not exist here.
"""

from collections.abc import Mapping
from functools import partial

from bastide.api.iam.identities.entities import USER, get_entity
from bastide.api.iam.identities.users import named_or_own
from bastide.api.operation import Context, Operation, Params, Reads, Result, Writes
from bastide.model.faults import NotFound
from bastide.store import Txn

# Operation → the member its listing is in.
OF_A_USER = {
    "ListMFADevices": "MFADevices",
    "ListSSHPublicKeys": "SSHPublicKeys",
    "ListServiceSpecificCredentials": "ServiceSpecificCredentials",
    "ListSigningCertificates": "Certificates",
}
OF_THE_ACCOUNT = {
    "ListOpenIDConnectProviders": "OpenIDConnectProviderList",
    "ListSAMLProviders": "SAMLProviderList",
    "ListServerCertificates": "ServerCertificateMetadataList",
    "ListVirtualMFADevices": "VirtualMFADevices",
}
UNPAGED = ("OpenIDConnectProviderList", "SAMLProviderList")


def _none(member: str) -> Result:
    return {member: []} if member in UNPAGED else {member: [], "IsTruncated": False}


def _none_of_a_user(member: str, txn: Txn, ctx: Context, params: Params) -> Result:
    if "UserName" in params or ctx.caller.entity:
        named_or_own(txn, ctx, params)
    return _none(member)


def _none_of_the_account(member: str, txn: Txn, ctx: Context, params: Params) -> Result:
    return _none(member)


def _no_login_profile(txn: Txn, ctx: Context, params: Params) -> Result:
    """Nobody has a password."""
    name = get_entity(txn, ctx, USER, params).document["members"]["UserName"]
    raise NotFound("login profile", name)


def _no_password_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """So there is no rule for passwords either."""
    raise NotFound("password policy", ctx.caller.account)


OPERATIONS: Mapping[str, Operation] = {
    **{name: Reads(partial(_none_of_a_user, member)) for name, member in OF_A_USER.items()},
    **{name: Reads(partial(_none_of_the_account, member)) for name, member in OF_THE_ACCOUNT.items()},
    "DeleteLoginProfile": Writes(_no_login_profile),
    "GetAccountPasswordPolicy": Reads(_no_password_policy),
    "GetLoginProfile": Reads(_no_login_profile),
}
