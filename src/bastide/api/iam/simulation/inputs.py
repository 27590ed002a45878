"""What a simulation is asked, checked: policies, who asks, actions and resources. The keys are context.py's.

Raises Invalid of the noun "input", as far as they are known in the sentences that AWS's simulator answers.
"""

from collections.abc import Iterable

from bastide.api.iam.identities.entities import GROUP, ROLE, USER, Noun, find_entity, iam_scope
from bastide.api.iam.identities.principals import principal_keys, principal_of
from bastide.api.iam.policies.effective import Held
from bastide.api.operation import Context, Params
from bastide.model.arn import last_of, parse_arn
from bastide.model.faults import Invalid
from bastide.permissions import ANYTHING, PolicyKind, Principal, PrincipalKind, parse_document
from bastide.permissions.patterns import Values
from bastide.store import Record, Txn

BOUNDARY = "PermissionsBoundaryPolicyInputList"
NOUNS = {noun.noun: noun for noun in (USER, GROUP, ROLE)}


def given_policies(texts: Iterable[str], name: str) -> list[Held]:
    """Policies of a request's list, checked as those that are written, called by their place in it."""
    return [Held(f"{name}.{number}", "", _checked(text)) for number, text in enumerate(texts, 1)]


def given_boundary(params: Params) -> Held | None:
    """The boundary a request brings."""
    held = given_policies(params.get(BOUNDARY) or [], BOUNDARY)
    if len(held) > 1:
        raise _refused(f"Only one policy can be passed in {BOUNDARY}.")
    return held[0] if held else None


def given_resource_policy(params: Params) -> Held | None:
    """The policy that stands at every resource that is asked about."""
    text = params.get("ResourcePolicy")
    return None if text is None else Held("ResourcePolicy", "", _checked(text, PolicyKind.RESOURCE))


def _checked(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> str:
    try:
        parse_document(text, kind)
    except Invalid as invalid:
        raise _refused(invalid.why) from invalid
    return text


def read_caller(
    txn: Txn, ctx: Context, params: Params, source: Record | None = None
) -> tuple[Principal, dict[str, Values]]:
    """Who is to ask, and the keys that says: the caller that is named, else whose policies they are."""
    arn = params.get("CallerArn")
    if arn is not None:
        noun = noun_of(arn)
        if noun is None:
            raise _refused("Invalid caller - Caller must be an IAM user, role or group in this context.")
        source = find_by_arn(txn, ctx, noun, arn)
    else:
        noun = next(
            (each for each in NOUNS.values() if source is not None and each.kind == source.kind), None
        )
    if "ResourcePolicy" in params and noun is not USER:  # whom a resource's policy is to name
        why = "cannot be null or empty" if noun is None else "must be an IAM user in this context"
        raise _refused(f"Invalid caller - Caller {why}.")
    if source is not None:
        return principal_of(source), principal_keys(source)
    if arn is not None:
        return _unknown_caller(arn)
    own = ctx.caller
    return Principal(kind=PrincipalKind.USER, arn=own.principal_arn, account=own.account), {}


def _unknown_caller(arn: str) -> tuple[Principal, dict[str, Values]]:
    """Somebody of whom nothing but the ARN is known."""
    parsed = parse_arn(arn)
    assert parsed is not None  # it names somebody
    keys: dict[str, Values] = {"aws:principalarn": arn, "aws:principalaccount": parsed.account}
    if noun_of(arn) is USER:
        keys["aws:username"] = last_of(arn)
    return Principal(kind=PrincipalKind.USER, arn=arn, account=parsed.account), keys


def noun_of(arn: str) -> Noun | None:
    """Whether an ARN is a user's, a group's or a role's."""
    parsed = parse_arn(arn)
    return None if parsed is None or parsed.service != "iam" else NOUNS.get(parsed.resource.partition("/")[0])


def find_by_arn(txn: Txn, ctx: Context, noun: Noun, arn: str) -> Record | None:
    """Who has an ARN in this account."""
    found = find_entity(txn, iam_scope(ctx), noun, last_of(arn))
    return found if found is not None and found.document["members"]["Arn"] == arn else None


def read_actions(params: Params) -> list[str]:
    """The actions that are asked about."""
    actions: list[str] = params["ActionNames"]
    if not all(":" in action for action in actions):
        raise _refused("The action is invalid since it is missing names")
    return actions


def read_resources(params: Params) -> list[str]:
    """The resources that are asked about; a star alone where none is named."""
    resources = params.get("ResourceArns") or [ANYTHING]
    for resource in resources:
        arn = parse_arn(resource)
        is_one = arn is not None and arn.partition and arn.service and arn.resource
        if not is_one and resources != [ANYTHING]:
            raise _refused(f"ResourceNames are not in a valid ARN format: {resource}.")
    if "ResourcePolicy" in params and resources == [ANYTHING]:
        raise _refused("Invalid Entity Arn: * does not clearly define entity type and name.")
    return list(resources)


def check_surroundings(ctx: Context, params: Params, actions: Iterable[str]) -> None:
    """Raise Invalid for an owner of resources outside of this account, and for EC2's scenarios."""
    if "ResourceOwner" in params:
        owner = parse_arn(params["ResourceOwner"])
        if owner is None or owner.service != "iam" or not owner.resource:
            raise _refused("Invalid Resource Owner.")
        if owner.account != ctx.caller.account:
            raise _refused(f"Invalid Resource Owner. There is one account here, {ctx.caller.account}.")
    if "ResourceHandlingOption" in params:
        raise _refused(
            "Invalid input resource handling options. Action does not support resource handling options: "
            f"{next(iter(actions))}."
        )


def _refused(why: str) -> Invalid:
    return Invalid("input", why=why)
