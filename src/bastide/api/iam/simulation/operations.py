"""The operations that ask what would be decided."""

from collections.abc import Mapping

from bastide.api.iam.identities.entities import GROUP, ROLE, USER, find_entity, iam_scope
from bastide.api.iam.identities.principals import principal_keys, principal_of
from bastide.api.iam.pages import page_names
from bastide.api.iam.policies.effective import boundary_text, identity_policies
from bastide.api.iam.simulation.scenario import (
    Scenario,
    boundary_of,
    compiled,
    compiled_resource,
    given,
    read_keys,
)
from bastide.api.operation import Context, Operation, Params, Reads, Result
from bastide.model.arn import last_of, parse_arn
from bastide.model.faults import Invalid, NotFound
from bastide.permissions import Principal, PrincipalKind, compile_policy
from bastide.store import Record, Txn

NOUNS = {noun.noun: noun for noun in (USER, GROUP, ROLE)}


def simulate_custom_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """What the policies of the request would decide."""
    caller = params.get("CallerArn")
    arn = caller or ctx.caller.principal_arn
    scenario = Scenario(
        principal=Principal(kind=PrincipalKind.USER, arn=arn, account=ctx.caller.account),
        identity=compiled(given(params["PolicyInputList"], "PolicyInputList")),
        boundary=boundary_of(params.get("PermissionsBoundaryPolicyInputList") or []),
        resource=compiled_resource(params.get("ResourcePolicy")),
        keys=read_keys(params.get("ContextEntries") or []),
    )
    return _answer(scenario, params)


def simulate_principal_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """What the policies of a user, group or role would decide, and those the request adds."""
    entity = _source(txn, ctx, params)
    text = boundary_text(txn, entity)
    asked = params.get("PermissionsBoundaryPolicyInputList") or ([] if text is None else [text])
    excluded = {each.get("PolicyArn") for each in params.get("PolicyExclusionList") or []}
    held = [each for each in identity_policies(txn, entity) if not each.arn or each.arn not in excluded]
    held += given(params.get("PolicyInputList") or [], "PolicyInputList")
    scenario = Scenario(
        principal=principal_of(entity),
        identity=compiled(held),
        boundary=boundary_of(asked),
        resource=compiled_resource(params.get("ResourcePolicy")),
        keys={**principal_keys(entity), **read_keys(params.get("ContextEntries") or [])},
    )
    return _answer(scenario, params)


def get_context_keys_for_custom_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """The keys that policies of the request ask for."""
    return _keys(params["PolicyInputList"])


def get_context_keys_for_principal_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """The keys that a user's, group's or role's policies ask for."""
    held = identity_policies(txn, _source(txn, ctx, params))
    return _keys([each.text for each in held] + list(params.get("PolicyInputList") or []))


def _keys(texts: list[str]) -> Result:
    names = {key for text in texts for key in compile_policy(text).keys}
    return {"ContextKeyNames": sorted(names)}


def _answer(scenario: Scenario, params: Params) -> Result:
    results = {f"{number:06}": result for number, result in enumerate(scenario.results(params))}
    names, more = page_names(list(results), params)
    return {"EvaluationResults": [results[name] for name in names], **more}


def _source(txn: Txn, ctx: Context, params: Params) -> Record:
    """The user, group or role of PolicySourceArn."""
    text = params["PolicySourceArn"]
    arn = parse_arn(text)
    noun = None if arn is None or arn.service != "iam" else NOUNS.get(arn.resource.partition("/")[0])
    if noun is None:
        why = f"Invalid Entity Arn: {text} does not clearly define entity type and name."
        raise Invalid("input", text, why=why)
    found = find_entity(txn, iam_scope(ctx), noun, last_of(text))
    if found is None or found.document["members"]["Arn"] != text:
        raise NotFound("entity", text)
    return found


OPERATIONS: Mapping[str, Operation] = {
    "GetContextKeysForCustomPolicy": Reads(get_context_keys_for_custom_policy),
    "GetContextKeysForPrincipalPolicy": Reads(get_context_keys_for_principal_policy),
    "SimulateCustomPolicy": Reads(simulate_custom_policy),
    "SimulatePrincipalPolicy": Reads(simulate_principal_policy),
}
