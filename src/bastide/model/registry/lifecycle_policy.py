"""Lifecycle policies: JSON text to rules, or what is wrong with it.

Rules: Amazon ECR user guide, "Lifecycle policy template" and "Lifecycle policy parameters". Archiving
(`transition`, `sinceImagePulled`, `sinceImageTransitioned`) is refused: there is no colder storage here.
"""

from enum import StrEnum
from typing import Any

import msgspec

from bastide.model.faults import Invalid

TEXT_MAX = 30720
PATTERN_WILDCARDS_MAX = 4
DAY_S = 86400.0


class TagStatus(StrEnum):
    """Which images a rule is about."""

    TAGGED = "tagged"
    UNTAGGED = "untagged"
    ANY = "any"


class CountType(StrEnum):
    """What `count` counts."""

    IMAGES = "imageCountMoreThan"
    DAYS = "sinceImagePushed"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule; an image has to fit every prefix and every pattern."""

    priority: int
    tag_status: TagStatus
    prefixes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    count_type: CountType
    count: int


def parse_lifecycle_policy(text: str) -> tuple[Rule, ...]:
    """The rules, the one with the lowest number first. Raises Invalid of the noun `lifecycle policy`."""
    try:
        document = msgspec.json.decode(text.encode())
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise _invalid("not valid JSON") from error
    found = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(found, list) or not found:
        raise _invalid("'rules' must be a list of at least one rule")
    rules = sorted((_rule(one, index) for index, one in enumerate(found)), key=lambda rule: rule.priority)
    _check_together(rules)
    return tuple(rules)


def _check_together(rules: list[Rule]) -> None:
    priorities = [rule.priority for rule in rules]
    if len(set(priorities)) != len(priorities):
        raise _invalid("'rulePriority' must be unique across all rules")
    for status in (TagStatus.ANY, TagStatus.UNTAGGED):
        if sum(rule.tag_status is status for rule in rules) > 1:
            raise _invalid(f"only one rule can have 'tagStatus' {status.value}")
    if any(rule.tag_status is TagStatus.ANY for rule in rules[:-1]):
        raise _invalid("a rule with 'tagStatus' any must have the highest 'rulePriority'")


def _rule(value: Any, index: int) -> Rule:
    where = f"rules[{index}]"
    _check_members(value, where, {"rulePriority", "selection", "action"}, {"description"})
    if not isinstance(value.get("description", ""), str):
        raise _invalid(f"'{where}.description' must be a string")
    action = value["action"]
    if not isinstance(action, dict) or action != {"type": "expire"}:
        raise _invalid(f"'{where}.action.type' must be expire")
    selection = value["selection"]
    optional = {"tagPrefixList", "tagPatternList", "countUnit"}
    _check_members(selection, f"{where}.selection", {"tagStatus", "countType", "countNumber"}, optional)
    status = _one_of(TagStatus, selection["tagStatus"], f"{where}.selection.tagStatus")
    count_type = _one_of(CountType, selection["countType"], f"{where}.selection.countType")
    if selection.get("countUnit") != ("days" if count_type == CountType.DAYS else None):
        raise _invalid(f"'{where}.selection.countUnit' must be days with sinceImagePushed, and else absent")
    prefixes, patterns = _tags_of(selection, status, f"{where}.selection")
    return Rule(
        priority=_positive(value["rulePriority"], f"{where}.rulePriority"),
        tag_status=TagStatus(status),
        prefixes=prefixes,
        patterns=patterns,
        count_type=CountType(count_type),
        count=_positive(selection["countNumber"], f"{where}.selection.countNumber"),
    )


def _tags_of(selection: dict[str, Any], status: str, where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    given = [name for name in ("tagPrefixList", "tagPatternList") if selection.get(name)]
    if len(given) != (1 if status == TagStatus.TAGGED else 0):
        raise _invalid(
            f"'{where}' must have one of tagPrefixList and tagPatternList if its images are tagged"
        )
    lists = []
    for name in ("tagPrefixList", "tagPatternList"):
        found = selection.get(name) or []
        if not isinstance(found, list) or not all(
            isinstance(one, str) and 0 < len(one) <= 128 for one in found
        ):
            raise _invalid(f"'{where}.{name}' must be a list of strings")
        lists.append(tuple(found))
    if any(pattern.count("*") > PATTERN_WILDCARDS_MAX for pattern in lists[1]):
        raise _invalid(f"a pattern can have at most {PATTERN_WILDCARDS_MAX} wildcards")
    return lists[0], lists[1]


def _check_members(value: Any, where: str, required: set[str], optional: set[str]) -> None:
    if not isinstance(value, dict):
        raise _invalid(f"'{where}' must be an object")
    if missing := sorted(required - value.keys()):
        raise _invalid(f"'{where}' has no '{missing[0]}'")
    if unknown := sorted(value.keys() - required - optional):
        raise _invalid(f"'{where}' cannot have '{unknown[0]}'")


def _one_of(kind: type[StrEnum], value: Any, where: str) -> str:
    allowed = [each.value for each in kind]
    if value not in allowed:
        raise _invalid(f"'{where}' must be one of {', '.join(allowed)}")
    return str(value)


def _positive(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _invalid(f"'{where}' must be a whole number above 0")
    return value


def _invalid(why: str) -> Invalid:
    where = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint"
    return Invalid("lifecycle policy", why=f"{where}: 'Lifecycle policy validation failure: {why}'")
