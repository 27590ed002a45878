"""IPv4 blocks as callers write them. Host bits are cleared, as EC2 does."""

from ipaddress import IPv4Network

from bastide.model.faults import Invalid, Unsupported


def parse_cidr(text: str, *, why: str) -> IPv4Network:
    """The block; raises Invalid with these words for what is none, Unsupported for one of IPv6."""
    if ":" in text:
        raise Unsupported("parameter", text, why="Bastide does not do IPv6: see docs/compat.md.")
    address, slash, prefix = text.partition("/")
    try:
        if not slash or not prefix.isdecimal():
            raise ValueError(text)
        return IPv4Network(f"{address}/{prefix}", strict=False)
    except ValueError as error:
        raise Invalid("parameter", text, why=why) from error
