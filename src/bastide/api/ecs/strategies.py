"""Capacity providers and strategies over them: which exist here, and which combinations ECS accepts.

Only the two Fargate providers exist; each account has them, and a cluster merely lists them.
Rules: ECS developer guide, "Amazon ECS capacity providers for Fargate".
"""

from bastide.api.ecs.identifiers import parse_identifier
from bastide.api.operation import Context, Document
from bastide.model.faults import Invalid, NotFound

PROVIDERS = ("FARGATE", "FARGATE_SPOT")
STRATEGY_MAX = 20  # providers in a strategy


def checked_providers(ctx: Context, identifiers: list[str]) -> list[str]:
    """The names of these providers, each once; raises NotFound for one that does not exist."""
    names = dict.fromkeys(parse_identifier(ctx, text, "capacity-provider")[-1] for text in identifiers)
    for name in names:
        if name not in PROVIDERS:
            raise NotFound("capacity provider", name)
    return list(names)


def checked_strategy(strategy: list[Document], providers: list[str]) -> list[Document]:
    """The strategy with its defaults filled in; raises Invalid unless a cluster of `providers` may use it."""
    if len(strategy) > STRATEGY_MAX:
        raise _invalid(
            f"The specified capacity provider strategy cannot have more than {STRATEGY_MAX} items."
        )
    named = [item["capacityProvider"].rsplit("/", 1)[-1] for item in strategy]
    if not set(named) <= set(providers):
        raise _invalid(
            "The specified capacity provider strategy cannot contain a capacity provider that is not "
            "associated with the cluster. Associate the capacity provider with the cluster or specify a "
            "valid capacity provider and try again."
        )
    if len(set(named)) < len(named):
        raise _invalid(
            "The specified capacity provider strategy cannot contain the same capacity provider twice."
        )
    filled = [
        {"capacityProvider": name, "weight": item.get("weight", 0), "base": item.get("base", 0)}
        for name, item in zip(named, strategy, strict=True)
    ]
    if sum(item["base"] > 0 for item in filled) > 1:
        raise _invalid("Only one capacity provider in a strategy can have a base greater than 0.")
    if filled and not any(item["weight"] > 0 for item in filled):
        raise _invalid("At least one capacity provider in a strategy must have a weight greater than 0.")
    return filled


def _invalid(why: str) -> Invalid:
    return Invalid("parameter", why=why)
