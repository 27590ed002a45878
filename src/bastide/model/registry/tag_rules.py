"""Tags: how they are spelled, and which of a repository's may not be given to another image."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
MUTABLE, IMMUTABLE = "MUTABLE", "IMMUTABLE"
WITH_EXCLUSION = "_WITH_EXCLUSION"


def is_tag(text: str) -> bool:
    """Whether an image can be tagged so: "Pulling manifests" of the distribution spec."""
    return TAG.fullmatch(text) is not None


def is_immutable(repository: Mapping[str, Any], tag: str) -> bool:
    """Whether the tag stays with its image; a filter turns what the repository says around."""
    mutability = str(repository["imageTagMutability"])
    fixed = mutability.startswith(IMMUTABLE)
    if not mutability.endswith(WITH_EXCLUSION):
        return fixed
    filters = repository.get("imageTagMutabilityExclusionFilters") or ()
    is_excluded = any(matches(one["filter"], tag) for one in filters)
    return fixed is not is_excluded


def matches(pattern: str, tag: str) -> bool:
    """Whether a tag fits a pattern in which `*` stands for anything, also nothing."""
    return _compiled(pattern).fullmatch(tag) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)), re.DOTALL)
