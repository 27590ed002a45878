"""One value of a policy and one of a request, by the operator's kind; what is no value of it is None."""

import re
from calendar import timegm
from fractions import Fraction

from tests.unit.permissions.interpreter.texts import Keys, is_arn_like, is_like, show, substitute

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
MOMENT = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)?(Z|[-+].+)?)?)?)?"
)
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def number(text: str) -> Fraction | None:
    """An integer or a decimal."""
    return Fraction(text) if NUMBER.fullmatch(text) else None


def moment(text: str) -> Fraction | None:
    """Seconds since 1970: of W3C's forms of ISO 8601, or told as they are."""
    if re.fullmatch(r"-?[0-9]{5,}", text):
        return Fraction(text)
    found = MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (
        int(part or least) for part, least in zip(found.groups()[:6], (0, 1, 1, 0, 0, 0), strict=True)
    )
    if not 1 <= month <= 12:
        return None
    whole = timegm((year, month, day, hour, minute, second))
    zone = found[8]
    if zone and zone != "Z":
        ahead = int(zone[1:3]) * 60 + int(zone[4:6])
        whole -= (ahead if zone[0] == "+" else -ahead) * 60
    return whole + Fraction("0" + (found[7] or ""))


def bits(address: str) -> str | None:
    """An address as so many zeros and ones."""
    if ":" not in address:
        parts = address.split(".")
        if len(parts) != 4 or not all(part.isdigit() and int(part) < 256 for part in parts):
            return None
        return "".join(f"{int(part):08b}" for part in parts)
    head, gap, tail = address.partition("::")
    before = head.split(":") if head else []
    after = tail.split(":") if tail else []
    zeros = ["0"] * (8 - len(before) - len(after)) if gap else []
    groups = before + zeros + after
    if len(groups) != 8 or not all(re.fullmatch("[0-9a-fA-F]{1,4}", group) for group in groups):
        return None
    return "".join(f"{int(group, 16):016b}" for group in groups)


def is_within(network: str, address: str) -> bool:
    """Whether an address is in a range; one without a prefix is a range of one."""
    base, _, length = network.partition("/")
    wanted, given = bits(base), bits(address)
    if wanted is None or given is None or len(wanted) != len(given):
        return False
    kept = int(length or len(wanted))
    return kept <= len(wanted) and wanted[:kept] == given[:kept]


def unpacked(text: str) -> str | None:
    """Base64 as zeros and ones."""
    plain = text.rstrip("=")
    if len(text) % 4 or len(text) - len(plain) > 2 or not all(sign in DIGITS for sign in plain):
        return None
    whole = "".join(f"{DIGITS.index(sign):06b}" for sign in plain)
    return whole[: len(whole) // 8 * 8]


def ordered(order: str, given: Fraction | None, wanted: Fraction | None) -> bool:
    """Equals, LessThan and their kin; nothing is ordered with what is no value."""
    if given is None or wanted is None:
        return False
    return {
        "equals": given == wanted,
        "lessthan": given < wanted,
        "lessthanequals": given <= wanted,
        "greaterthan": given > wanted,
        "greaterthanequals": given >= wanted,
    }[order]


def is_matched(operator: str, wanted: str, given: str, keys: Keys, *, new: bool) -> bool:
    """Whether the values match; `operator` in lower case and without Not."""
    if operator.startswith("numeric"):
        return ordered(operator.removeprefix("numeric"), number(given), number(wanted))
    if operator.startswith("date"):
        return ordered(operator.removeprefix("date"), moment(given), moment(wanted))
    if operator == "bool":
        return given.lower() == wanted.lower() and wanted.lower() in ("true", "false")
    if operator == "ipaddress":
        return is_within(wanted, given)
    if operator == "binaryequals":
        return unpacked(given) is not None and unpacked(given) == unpacked(wanted)
    filled = substitute(wanted, keys) if new else wanted
    if filled is None:
        return False
    if operator == "stringequals":
        return given == show(filled)
    if operator == "stringequalsignorecase":
        return given.lower() == show(filled).lower()
    return is_like(filled, given) if operator == "stringlike" else is_arn_like(filled, given)
