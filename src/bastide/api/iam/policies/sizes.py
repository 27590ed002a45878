"""How large policies may be: characters, white space not counted (IAM user guide, "IAM character limits")."""

from collections.abc import Iterable

from bastide.model.faults import LimitExceeded

MANAGED_MAX = 6144
TRUST_MAX = 2048
INLINE_MAX = {"user": 2048, "group": 5120, "role": 10240}  # all of one entity's together


def size_of(text: str) -> int:
    """What counts of a policy."""
    return sum(1 for character in text if not character.isspace())


def check_managed_size(text: str) -> None:
    """Raise LimitExceeded for a managed policy that is too large."""
    if size_of(text) > MANAGED_MAX:
        raise LimitExceeded("policy size", why=f"Cannot exceed quota for PolicySize: {MANAGED_MAX}")


def check_trust_size(text: str) -> None:
    """Raise LimitExceeded for a trust policy that is too large."""
    if size_of(text) > TRUST_MAX:
        raise LimitExceeded("policy size", why=f"Cannot exceed quota for ACLSizePerRole: {TRUST_MAX}")


def check_inline_size(texts: Iterable[str], noun: str, name: str) -> None:
    """Raise LimitExceeded where an entity's own policies are too large together."""
    most = INLINE_MAX[noun]
    if sum(size_of(text) for text in texts) > most:
        why = f"Maximum policy size of {most} bytes exceeded for {noun} {name}"
        raise LimitExceeded("policy size", name, why=why)
