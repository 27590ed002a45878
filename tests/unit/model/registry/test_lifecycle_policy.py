"""Which lifecycle policies are taken, and what is said of the others."""

import json
from typing import Any

import pytest

from bastide.model.faults import Invalid
from bastide.model.registry.lifecycle_policy import CountType, TagStatus, parse_lifecycle_policy


def rule(priority: int = 1, **selection: Any) -> dict[str, Any]:
    chosen = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1} | selection
    chosen = {name: value for name, value in chosen.items() if value is not None}
    return {"rulePriority": priority, "selection": chosen, "action": {"type": "expire"}}


def policy(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": list(rules)})


def test_rules_come_in_the_order_of_their_numbers() -> None:
    tagged = rule(5, tagStatus="tagged", tagPrefixList=["prod"])
    old = rule(2, countType="sinceImagePushed", countUnit="days", countNumber=14)
    first, second = parse_lifecycle_policy(policy(tagged, old))
    assert (first.priority, first.count_type, first.count) == (2, CountType.DAYS, 14)
    assert (second.tag_status, second.prefixes) == (TagStatus.TAGGED, ("prod",))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not valid JSON"),
        ("[]", "'rules' must be"),
        (policy(), "'rules' must be"),
        (policy(rule(1), rule(1, tagStatus="any")), "must be unique"),
        (policy(rule(1), rule(2)), "only one rule can have 'tagStatus' untagged"),
        (policy(rule(1, tagStatus="any"), rule(2)), "must have the highest 'rulePriority'"),
        (policy(rule(0)), "'rules[0].rulePriority'"),
        (policy(rule(1, countNumber=0)), "'rules[0].selection.countNumber'"),
        (policy(rule(1, countNumber=True)), "'rules[0].selection.countNumber'"),
        (policy(rule(1, countNumber=None)), "has no 'countNumber'"),
        (policy(rule(1, tagStatus="some")), "must be one of tagged, untagged, any"),
        (policy(rule(1, tagStatus="tagged")), "one of tagPrefixList and tagPatternList"),
        (policy(rule(1, tagPrefixList=["a"])), "one of tagPrefixList and tagPatternList"),
        (policy(rule(1, tagStatus="tagged", tagPatternList=["*a*b*c*d*"])), "at most 4 wildcards"),
        (policy(rule(1, tagStatus="tagged", tagPatternList="a")), "must be a list of strings"),
        (policy(rule(1, countType="sinceImagePushed")), "countUnit"),
        (policy(rule(1, countUnit="days")), "countUnit"),
        (policy(rule(1, countType="sinceImagePulled", countUnit="days")), "must be one of"),
        (policy(rule(1) | {"action": {"type": "transition"}}), "must be expire"),
        (policy(rule(1) | {"extra": 1}), "cannot have 'extra'"),
    ],
)
def test_what_is_no_policy_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_lifecycle_policy(text)
    assert refused.value.noun == "lifecycle policy"
    assert why in refused.value.why
