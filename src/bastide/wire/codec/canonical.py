"""The canonical form of paths, queries and headers which signatures are made over."""

import re
from urllib.parse import quote, unquote_to_bytes

S3_LIKE = frozenset({"s3", "s3express", "s3-outposts", "s3-object-lambda"})  # sign the path once, may stream
_SPACES = re.compile(r" {2,}")


def as_sent(text: str) -> bytes:
    """The bytes the client sent; see `http`."""
    return text.encode("utf-8", "surrogateescape")


def folded(value: str) -> str:
    """A header's value without the blanks that do not count."""
    value = value.strip()
    return _SPACES.sub(" ", value) if "  " in value else value


def canonical_path(path: str, service: str) -> str:
    """The path: as it is for S3, tidied and encoded once more for all others."""
    if path in ("", "/"):
        return "/"
    if service in S3_LIKE:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    tail = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + tail, safe="/~", errors="surrogateescape")


def canonical_query(query: str) -> str:
    """The query, encoded strictly and sorted."""
    if not query:
        return ""
    pairs = (part.partition("=")[::2] for part in query.split("&") if part)
    return "&".join(f"{name}={value}" for name, value in sorted((_encoded(n), _encoded(v)) for n, v in pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(as_sent(text)), safe="-_.~")
