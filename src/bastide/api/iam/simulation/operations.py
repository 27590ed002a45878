"""The operations that ask what would be decided."""

from collections.abc import Mapping, Sequence

from bastide.api.iam.pages import page_names
from bastide.api.iam.policies.effective import Held, boundary_of, identity_policies
from bastide.api.iam.simulation.context import read_keys
from bastide.api.iam.simulation.inputs import (
    check_surroundings,
    find_by_arn,
    given_boundary,
    given_policies,
    given_resource_policy,
    noun_of,
    read_actions,
    read_caller,
    read_resources,
)
from bastide.api.iam.simulation.scenario import Scenario, compiled, compiled_boundary, compiled_resource
from bastide.api.operation import Context, Operation, Params, Reads, Result
from bastide.model.arn import last_of, parse_arn
from bastide.model.faults import Invalid, NotFound
from bastide.permissions import compile_policy
from bastide.store import Record, Txn


def simulate_custom_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """What the policies of the request would decide."""
    held = given_policies(params["PolicyInputList"], "PolicyInputList")
    return _answer(txn, ctx, params, held=held, boundary=given_boundary(params))


def simulate_principal_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """What the policies of a user, group or role would decide, and those the request adds."""
    source = _source(txn, ctx, params)
    excluded = {each.get("PolicyArn") for each in params.get("PolicyExclusionList") or []}
    held = [each for each in identity_policies(txn, source) if not each.arn or each.arn not in excluded]
    held += given_policies(params.get("PolicyInputList") or [], "PolicyInputList")
    boundary = given_boundary(params) or boundary_of(txn, source)
    return _answer(txn, ctx, params, held=held, boundary=boundary, source=source)


def _answer(
    txn: Txn,
    ctx: Context,
    params: Params,
    *,
    held: Sequence[Held],
    boundary: Held | None,
    source: Record | None = None,
) -> Result:
    actions, resources = read_actions(params), read_resources(params)
    check_surroundings(ctx, params, actions)
    principal, known = read_caller(txn, ctx, params, source)
    scenario = Scenario(
        principal=principal,
        identity=compiled(held),
        boundary=compiled_boundary(boundary),
        resource=compiled_resource(given_resource_policy(params)),
        keys=known | read_keys(params.get("ContextEntries") or []),
    )
    results = {f"{number:06}": each for number, each in enumerate(scenario.results(actions, resources))}
    names, more = page_names(list(results), params)
    return {"EvaluationResults": [results[name] for name in names], **more}


def get_context_keys_for_custom_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """The keys that policies of the request ask for."""
    return _keys(params["PolicyInputList"])


def get_context_keys_for_principal_policy(txn: Txn, ctx: Context, params: Params) -> Result:
    """The keys that a user's, group's or role's policies ask for."""
    held = identity_policies(txn, _source(txn, ctx, params))
    return _keys([each.text for each in held] + list(params.get("PolicyInputList") or []))


def _keys(texts: list[str]) -> Result:
    try:
        names = {key for text in texts for key in compile_policy(text).keys}
    except Invalid as invalid:
        raise Invalid("input", why=invalid.why) from invalid
    return {"ContextKeyNames": sorted(names)}


def _source(txn: Txn, ctx: Context, params: Params) -> Record:
    """The user, group or role of PolicySourceArn."""
    text = params["PolicySourceArn"]
    arn, noun = parse_arn(text), noun_of(text)
    if arn is None or noun is None:
        why = f"Invalid Entity Arn: {text} does not clearly define entity type and name."
        raise Invalid("input", text, why=why)
    if arn.account != ctx.caller.account:
        why = (
            f"Invalid Policy Source Arn: caller's account {ctx.caller.account} does not have access to "
            f"policies in account {arn.account}"
        )
        raise Invalid("input", text, why=why)
    found = find_by_arn(txn, ctx, noun, text)
    if found is None:
        raise NotFound(noun.noun, last_of(text))
    return found


OPERATIONS: Mapping[str, Operation] = {
    "GetContextKeysForCustomPolicy": Reads(get_context_keys_for_custom_policy),
    "GetContextKeysForPrincipalPolicy": Reads(get_context_keys_for_principal_policy),
    "SimulateCustomPolicy": Reads(simulate_custom_policy),
    "SimulatePrincipalPolicy": Reads(simulate_principal_policy),
}
