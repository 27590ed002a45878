"""Any policy and any request: the compiled policies and the plain interpreter decide alike.

What is generated is counted: a case that never comes up proves nothing.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from random import Random
from typing import Any

import pytest

from bastide.permissions import (
    Decision,
    Effect,
    Policies,
    PolicyKind,
    Principal,
    PrincipalKind,
    Request,
    Source,
    compile_policy,
    evaluate,
    evaluate_trust,
)
from tests.unit.permissions.asking import USER, policy, statement
from tests.unit.permissions.generator.cases import Case, case
from tests.unit.permissions.generator.conditions import FORMS, NULL, QUALIFIERS, condition, request_keys
from tests.unit.permissions.interpreter.decisions import ALLOWED, decide, decide_trust
from tests.unit.permissions.interpreter.statements import Asked, holds_all, listed, naming

SEEDS = range(3)
CASES = 1000
DRAWS = 30
TOLD = 200
KINDS = ("identity", "boundary", "session", "resource", "trust")
OPPOSITES = ("NotAction", "NotResource", "Principal", "NotPrincipal", "Condition")
VARIABLES = ("${aws:", ", '", "${*}", "${?}", "${$}")
CONSTRUCTS = 2 * (
    len(KINDS) + len(OPPOSITES) + len(VARIABLES)
)  # each denies or allows, or is of two languages
CALLED = {
    Source.IDENTITY: "identity",
    Source.BOUNDARY: "boundary",
    Source.SESSION: "session",
    Source.RESOURCE: "resource",
    Source.TRUST: "trust",
}


@cache
def expected(seed: int) -> list[tuple[Case, str]]:
    """Cases, and what the interpreter says of them."""
    chance = Random(seed)
    cases = [case(chance) for _ in range(CASES)]
    return [(each, answer(each)) for each in cases]


def answer(each: Case) -> str:
    if each.trust is None:
        return decide(each.policies, each.asked)
    return decide_trust(each.policies, each.trust, each.asked)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_decide_alike(seed: int) -> None:
    for each, told in expected(seed):
        assert decided(each) == told, each


def decided(each: Case) -> str:
    def compiled(kind: str, of: PolicyKind = PolicyKind.IDENTITY) -> Iterator[Any]:
        return (compile_policy(json.dumps(text), of) for text in each.policies.get(kind, ()))

    policies = Policies(
        identity=tuple(compiled("identity")),
        boundary=next(compiled("boundary"), None),
        session=tuple(compiled("session")) if "session" in each.policies else None,
        resource=next(compiled("resource", PolicyKind.RESOURCE), None),
    )
    request = request_of(each.asked)
    if each.trust is None:
        return called(evaluate(request, policies))
    return called(evaluate_trust(request, policies, compile_policy(json.dumps(each.trust), PolicyKind.TRUST)))


def request_of(asked: Asked) -> Request:
    who = asked.who
    principal = Principal(
        kind=PrincipalKind(who.kind),
        arn=who.arn,
        account=who.account,
        role_arn=who.issuer,
        id=who.id,
        role_id=who.issuer_id,
    )
    return Request(action=asked.action, resource=asked.resource, principal=principal, keys=asked.keys)


def called(decision: Decision) -> str:
    if decision.source is None:
        return ALLOWED
    return f"{'explicit' if decision.is_explicit else 'no'} {CALLED[decision.source]}"


NULLS = tuple(f"{qualifier}{NULL}" for qualifier in QUALIFIERS)


@pytest.mark.parametrize("form", [*FORMS, *NULLS])
def test_a_condition_holds_alike_and_both_ways(form: str) -> None:
    chance = Random(form)
    seen: Counter[bool] = Counter()
    for _ in range(DRAWS):
        asked = (request_keys(chance), request_keys(chance))
        name, by_key = condition(chance, form, asked[0])
        held = statement(Condition={name: by_key})
        version = chance.choice(("2012-10-17", "2008-10-17"))
        compiled = policy(held, version=version)
        for keys in asked:
            wanted = holds_all(held, keys, new=version == "2012-10-17")
            request = Request(action="a:b", resource="*", principal=USER, keys=keys)
            assert compiled.allows(request) is wanted, (held, keys, version)
            seen[wanted] += 1
    assert min(seen[True], seen[False]) >= DRAWS / 10, "it hardly ever decides the other way"


def test_the_statements_that_decide_are_told_alike() -> None:
    for each, _ in expected(0)[:TOLD]:
        for one in each.policies["identity"]:
            compiled, is_new = compile_policy(json.dumps(one)), one.get("Version") == "2012-10-17"
            for effect in Effect:
                told = [found.index for found in compiled.matching(request_of(each.asked), effect)]
                assert told == [
                    index
                    for index, said in enumerate(listed(one["Statement"]))
                    if said["Effect"] == effect and naming(said, each.asked, new=is_new)
                ]


def test_every_kind_of_policy_decides_often_and_for_every_kind_of_principal() -> None:
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for each, told in cases():
        answer, _, decisive = told.partition(" ")
        for kind, _ in policies_of(each):
            seen[kind][answer if decisive in ("", kind) else "another kind"] += 1
        seen[each.asked.who.kind][answer] += 1
    assert seen.keys() == {*KINDS, *PrincipalKind}
    rare = {
        (name, answer): share
        for name, answers in seen.items()
        for answer in ("allowed", "explicit", "no")
        if (share := answers[answer] / answers.total()) < 0.03
    }
    assert rare == {("resource", "no"): 0}


def test_every_construct_decides_both_ways_often() -> None:
    seen: Counter[tuple[str, bool]] = Counter()
    named: Counter[tuple[str, int]] = Counter()
    for each, _ in cases():
        for kind, one in policies_of(each):
            is_new = one.get("Version") == "2012-10-17"
            for said in listed(one["Statement"]):
                directly = naming(said, each.asked, new=is_new)
                named[kind, directly] += 1
                seen.update((construct, directly > 0) for construct in constructs(kind, said, is_new=is_new))
    assert len(seen) == CONSTRUCTS * 2, sorted(seen)
    assert min(seen.values()) >= CASES / 50, seen
    assert min(named["resource", each] for each in range(4)) >= CASES / 50, named
    assert min(named["trust", each] for each in range(4)) >= CASES / 50, named


def cases() -> Iterator[tuple[Case, str]]:
    return chain(*map(expected, SEEDS))


def policies_of(each: Case) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every policy with its kind."""
    yield from ((kind, one) for kind, found in each.policies.items() for one in found)
    if each.trust is not None:
        yield "trust", each.trust


def constructs(kind: str, said: Mapping[str, Any], *, is_new: bool) -> Iterator[str]:
    """What of the language is in a statement."""
    effect = said["Effect"]
    yield f"{effect} of {kind}"
    yield from (f"{effect} {name}" for name in OPPOSITES if name in said)
    texts = json.dumps([said.get(name) for name in ("Resource", "NotResource", "Condition")])
    version = "new" if is_new else "old"
    yield from (f"{written} in the {version} language" for written in VARIABLES if written in texts)
