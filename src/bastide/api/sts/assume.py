"""AssumeRole: the role's trust policy decides, and where it names only the account, the caller's own too."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from bastide.api.authorization.callers import caller_principal, compiled, policies_of
from bastide.api.authorization.keys import request_keys
from bastide.api.iam.identities.entities import ROLE, find_entity, iam_scope
from bastide.api.operation import Caller, Context, Operation, Params, Reads, Result
from bastide.api.sts.limits import check_devices, check_not_federated
from bastide.api.sts.session_policies import Asked, read_asked
from bastide.api.sts.sessions import credentials, new_session
from bastide.model.arn import last_of, parse_arn, render_arn
from bastide.model.faults import Denied, Invalid
from bastide.permissions import (
    Decision,
    PolicyKind,
    PrincipalKind,
    Request,
    Source,
    evaluate_trust,
    render_denial,
)
from bastide.permissions.patterns import Values
from bastide.store import Record, Txn

SECONDS = 3600
CHAINED_MAX_S = 3600  # IAM user guide, "Role chaining"
ASSUME, TAG, IDENTIFY = "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"


def assume_role(txn: Txn, ctx: Context, params: Params) -> Result:
    """Credentials of a role for a while."""
    if ctx.caller.kind is PrincipalKind.ROOT:
        raise Denied("role", why="Roles may not be assumed by root accounts.")
    check_not_federated(ctx.caller, "AssumeRole")
    check_devices(params)
    role = _role(txn, ctx, params)
    asked = read_asked(txn, ctx, params)
    tagged, source_identity = _session_tags(ctx, params, asked), _source_identity(ctx, params)
    keys = _keys(params, tagged, source_identity)
    _check_trust(txn, ctx, role, _actions(tagged, source_identity), keys)
    seconds = _seconds(ctx, params, role)
    session = new_session(
        ctx,
        _assumed(ctx, role, params["RoleSessionName"]),
        entity=role.key,
        seconds=seconds,
        has_policies=asked.has_policies,
        policies=asked.policies,
        policy_arns=asked.arns,
        tags=tagged.tags,
        transitive_keys=tagged.transitive_keys,
        source_identity=source_identity,
    )
    answer: Result = {
        "Credentials": credentials(ctx.vault, session, params),
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
    }
    if asked.has_policies or asked.tags:
        answer["PackedPolicySize"] = asked.percent
    if session.source_identity:
        answer["SourceIdentity"] = session.source_identity
    return answer


def _role(txn: Txn, ctx: Context, params: Params) -> Record:
    """The role; whether there is none or it is not trusted to the caller is not told apart."""
    text = params["RoleArn"]
    arn = parse_arn(text)
    if arn is None or arn.service != "iam" or not arn.resource.startswith("role/"):
        raise Invalid("parameter", text, why=f"{text} is invalid")
    role = find_entity(txn, iam_scope(ctx), ROLE, last_of(text))
    if role is None or role.document["members"]["Arn"] != text:
        request = Request(action=ASSUME, resource=text, principal=caller_principal(ctx.caller), keys={})
        raise Denied("role", text, why=render_denial(request, Decision(Source.TRUST)))
    return role


class _Tagged(NamedTuple):
    """A session's tags, and which of them go on with whatever role it assumes next."""

    tags: dict[str, str]
    transitive_keys: tuple[str, ...]


def _actions(tagged: _Tagged, source_identity: str) -> list[str]:
    """What the trust policy must allow.

    Tags and a source identity need their own permission, in every role of a chain (IAM user guide, "Pass
    session tags in AWS STS" and "Monitor and control actions taken with assumed roles").
    """
    return [ASSUME, *([TAG] if tagged.tags else []), *([IDENTIFY] if source_identity else [])]


def _keys(params: Params, tagged: _Tagged, source_identity: str) -> dict[str, Values]:
    """The condition keys of this request alone."""
    keys: dict[str, Values] = {f"aws:requesttag/{key.lower()}": value for key, value in tagged.tags.items()}
    keys["sts:rolesessionname"] = params["RoleSessionName"]
    if tagged.tags:
        keys |= {"aws:tagkeys": tuple(tagged.tags), "sts:transitivetagkeys": tagged.transitive_keys}
    if params.get("ExternalId"):
        keys["sts:externalid"] = params["ExternalId"]
    if source_identity:
        keys["sts:sourceidentity"] = source_identity
    return keys


def _check_trust(
    txn: Txn, ctx: Context, role: Record, actions: Iterable[str], keys: Mapping[str, Values]
) -> None:
    """Raise Denied for the first of these that the caller may not."""
    tags = {f"aws:resourcetag/{tag['Key'].lower()}": tag["Value"] for tag in role.document["tags"]}
    keys = {**request_keys(ctx, txn), **tags, **keys}
    principal, resource = caller_principal(ctx.caller), role.document["members"]["Arn"]
    policies, trust = policies_of(txn, ctx.caller), compiled(role.document["trust"], PolicyKind.TRUST)
    for action in actions:
        request = Request(action=action, resource=resource, principal=principal, keys=keys)
        decision = evaluate_trust(request, policies, trust)
        if not decision.is_allowed:
            raise Denied("role", resource, why=render_denial(request, decision))


def _seconds(ctx: Context, params: Params, role: Record) -> int:
    seconds: int = params.get("DurationSeconds", SECONDS)
    most: int = role.document["members"]["MaxSessionDuration"]
    if ctx.caller.kind is PrincipalKind.ROLE and seconds > CHAINED_MAX_S:
        why = (
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
            "chaining"
        )
        raise Invalid("parameter", why=why)
    if seconds > most:
        why = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise Invalid("parameter", why=why)
    return seconds


def _session_tags(ctx: Context, params: Params, asked: Asked) -> _Tagged:
    """The session's tags: those asked for, and those that go on from session to session."""
    handed_on = {key: ctx.caller.tags[key] for key in ctx.caller.transitive_keys}
    again = {key.lower() for key in handed_on} & {key.lower() for key in asked.tags}
    if again:
        why = (
            f"One of the specified transitive tag keys can't be set because it conflicts: {sorted(again)[0]}"
        )
        raise Invalid("parameter", why=why)
    known = {key.lower(): key for key in asked.tags}
    named = params.get("TransitiveTagKeys") or ()
    if missing := [key for key in named if key.lower() not in known]:
        why = f"The specified transitive tag key must be included in the requested tags: {missing[0]}"
        raise Invalid("parameter", why=why)
    return _Tagged(handed_on | asked.tags, (*handed_on, *(known[key.lower()] for key in named)))


def _source_identity(ctx: Context, params: Params) -> str:
    """Set once, it stays through every further role."""
    held, wanted = ctx.caller.source_identity, params.get("SourceIdentity", "")
    if held and wanted and held != wanted:
        raise Denied("role", why="The SourceIdentity of a session cannot be changed.")
    return held or wanted


def _assumed(ctx: Context, role: Record, name: str) -> Caller:
    members: Mapping[str, Any] = role.document["members"]
    resource = f"assumed-role/{members['RoleName']}/{name}"
    return msgspec.structs.replace(
        ctx.caller,
        kind=PrincipalKind.ROLE,
        principal_arn=render_arn("sts", "", ctx.caller.account, resource),
        user_id=f"{role.key}:{name}",
    )


OPERATIONS: Mapping[str, Operation] = {"AssumeRole": Reads(assume_role)}
