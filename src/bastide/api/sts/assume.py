"""AssumeRole: the role's trust policy decides, and where it names only the account, the caller's own too."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bastide.api.authorization.callers import caller_principal, policies_of
from bastide.api.authorization.keys import request_keys
from bastide.api.iam.identities.entities import ROLE, find_entity, iam_scope
from bastide.api.operation import Caller, Context, Operation, Params, Reads, Result
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
    compile_policy,
    evaluate_trust,
    render_denial,
)
from bastide.store import Record, Txn

SECONDS = 3600
CHAINED_MAX_S = 3600  # IAM user guide, "Role chaining"
ASSUME, TAG, IDENTIFY = "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"


def assume_role(txn: Txn, ctx: Context, params: Params) -> Result:
    """Credentials of a role for a while."""
    if ctx.caller.kind is PrincipalKind.ROOT:
        raise Denied("role", why="Roles may not be assumed by root accounts.")
    role = _role(txn, ctx, params)
    asked = read_asked(txn, ctx, params)
    tags, transitive = _session_tags(ctx, params, asked)
    for action in _actions(ctx, params, asked):
        _check_trust(txn, ctx, params, role, action, asked)
    seconds = _seconds(ctx, params, role)
    session = new_session(
        ctx,
        _assumed(ctx, role, params["RoleSessionName"]),
        entity=role.key,
        seconds=seconds,
        has_policies=asked.has_policies,
        policies=asked.policies,
        policy_arns=asked.arns,
        tags=tags,
        transitive_keys=transitive,
        source_identity=_source_identity(ctx, params),
    )
    answer: Result = {
        "Credentials": credentials(ctx.vault, session),
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


def _actions(ctx: Context, params: Params, asked: Asked) -> list[str]:
    """What the trust policy must allow: tags and a source identity need their own permission."""
    wanted = [ASSUME]
    if asked.tags:
        wanted.append(TAG)
    if params.get("SourceIdentity"):
        wanted.append(IDENTIFY)
    return wanted


def _check_trust(txn: Txn, ctx: Context, params: Params, role: Record, action: str, asked: Asked) -> None:
    keys = request_keys(ctx, txn) | {
        f"aws:requesttag/{key.lower()}": value for key, value in asked.tags.items()
    }
    keys |= {f"aws:resourcetag/{tag['Key'].lower()}": tag["Value"] for tag in role.document["tags"]}
    keys["sts:rolesessionname"] = params["RoleSessionName"]
    if asked.tags:
        keys["aws:tagkeys"] = tuple(asked.tags)
        keys["sts:transitivetagkeys"] = tuple(params.get("TransitiveTagKeys") or ())
    for key, member in (("sts:externalid", "ExternalId"), ("sts:sourceidentity", "SourceIdentity")):
        if params.get(member):
            keys[key] = params[member]
    request = Request(
        action=action,
        resource=role.document["members"]["Arn"],
        principal=caller_principal(ctx.caller),
        keys=keys,
    )
    trust = compile_policy(role.document["trust"], PolicyKind.TRUST)
    decision = evaluate_trust(request, policies_of(txn, ctx.caller), trust)
    if not decision.is_allowed:
        raise Denied("role", request.resource, why=render_denial(request, decision))


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


def _session_tags(ctx: Context, params: Params, asked: Asked) -> tuple[dict[str, str], tuple[str, ...]]:
    """The session's tags: those asked for, and those that go on from session to session."""
    handed_on = {key: ctx.caller.tags[key] for key in ctx.caller.transitive_keys}
    again = {key.lower() for key in handed_on} & {key.lower() for key in asked.tags}
    if again:
        why = (
            f"One of the specified transitive tag keys can't be set because it conflicts: {sorted(again)[0]}"
        )
        raise Invalid("parameter", why=why)
    named = tuple(params.get("TransitiveTagKeys") or ())
    if missing := set(named) - set(asked.tags):
        why = f"The specified transitive tag key must be included in the requested tags: {sorted(missing)[0]}"
        raise Invalid("parameter", why=why)
    return handed_on | asked.tags, (*handed_on, *named)


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
