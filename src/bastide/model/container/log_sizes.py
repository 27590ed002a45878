"""`max-buffer-size` of a log configuration."""

import re

BUFFER_DEFAULT_BYTES = 10 * 1024 * 1024  # of non-blocking mode since June 2025
_SIZE = re.compile(r"([0-9]+)([kmg]?)b?", re.IGNORECASE)
_SCALE = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def parse_bytes(size: str | None) -> int:
    """The bytes it stands for; ECS's default when there is none."""
    found = _SIZE.fullmatch(size or "")
    return int(found[1]) * _SCALE[found[2].lower()] if found else BUFFER_DEFAULT_BYTES
