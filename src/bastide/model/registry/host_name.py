"""A registry's host name, `<account>.dkr.ecr.<region>.<domain>`, with a port where it is not HTTPS's own."""

import re

HTTPS_PORT = 443
_NAME = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<domain>[a-z0-9.-]+)")


def render_registry_host(account: str, region: str, domain: str, port: int) -> str:
    """What stands before an image's path."""
    name = f"{account}.dkr.ecr.{region}.{domain}"
    return name if port == HTTPS_PORT else f"{name}:{port}"


def parse_registry_host(text: str, domain: str) -> tuple[str, str] | None:
    """Account and region of a Host header of ours; None for any other name this server is reached by."""
    found = _NAME.fullmatch(text.partition(":")[0].lower())
    if found is None or found["domain"] != domain:
        return None
    return found["account"], found["region"]
