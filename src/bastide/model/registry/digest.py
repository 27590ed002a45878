"""Digests: `algorithm:hex`, of the algorithms a registry can check."""

import hashlib
import re

from bastide.model.faults import Invalid

ALGORITHMS = ("sha256", "sha512")  # the OCI image spec's registered ones
CANONICAL = "sha256"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def is_digest(text: str) -> bool:
    """Whether it is a digest that can be checked here."""
    return _DIGEST.fullmatch(text) is not None


def check_digest(text: str) -> str:
    """The digest; Invalid when it is none, or one of an algorithm unknown here."""
    if not is_digest(text):
        raise Invalid("digest", text, why=f"Invalid digest: '{text[:160]}'")
    return text


def algorithm_of(digest: str) -> str:
    """The part before the colon."""
    return digest.partition(":")[0]


def digest_of(content: bytes, algorithm: str = CANONICAL) -> str:
    """The digest of bytes in hand."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
