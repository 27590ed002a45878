"""Lets this host's operator into the installation's own ECR, as root of the account that has the registry."""

from bastide.api.distribution.access import USER, issue_token
from bastide.api.operation import Caller
from bastide.api.operator.operation import Context, Reads
from bastide.model.faults import NotFound
from bastide.model.messages.asked import LOG_IN, Login, LoginAsked
from bastide.model.registry.host_name import parse_registry_host
from bastide.store import Txn


def log_in(txn: Txn, ctx: Context, asked: LoginAsked) -> Login:
    """A token as GetAuthorizationToken gives it."""
    found = parse_registry_host(asked.registry, ctx.settings.registry_domain)
    if found is None:
        raise NotFound("registry", asked.registry, why=f"{asked.registry} is none of this installation's.")
    account, region = found
    root = f"arn:aws:iam::{account}:root"
    caller = Caller(account=account, region=region, principal_arn=root, user_id=account)
    password, _ = issue_token(ctx.vault, caller, now=ctx.now)
    return Login(USER, password)


OPERATIONS = (Reads(LOG_IN, log_in),)
