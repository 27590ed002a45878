"""Port mappings of one container; names must be unique in the whole task definition."""

import re

from bastide.api.ecs.checks import Document, refuse

PORT_MAX = 65535
RANGES_MAX = 100  # of one container
_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}")
_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")

Span = tuple[int, int, str]  # first port, last port, protocol


def check_ports(container: Document, *, awsvpc: bool, names: set[str]) -> None:
    """`names` holds the mapping names of the containers before this one, and takes in this one's."""
    spans: list[Span] = []
    mappings = container.get("portMappings", ())
    if sum("containerPortRange" in mapping for mapping in mappings) > RANGES_MAX:
        refuse(f"A container can have at most {RANGES_MAX} port ranges.")
    for mapping in mappings:
        span = _span(mapping)
        _check_name(mapping, names)
        if awsvpc and mapping.get("hostPort", 0) not in (0, mapping.get("containerPort", 0)):
            refuse("When networkMode=awsvpc, the host ports and container ports in port mappings must match.")
        if any(span[2] == other[2] and span[0] <= other[1] and other[0] <= span[1] for other in spans):
            refuse(f"The port mappings of container '{container['name']}' overlap.")
        spans.append(span)


def _span(mapping: Document) -> Span:
    protocol = mapping.get("protocol", "tcp")
    port, text = mapping.get("containerPort"), mapping.get("containerPortRange")
    if text is None:
        if port is None:
            refuse("PortMapping.containerPort should not be null.")
        _check_number(port, "container")
        _check_number(mapping.get("hostPort", 0), "host", least=0)
        return port, port, protocol
    if port is not None or mapping.get("hostPort") is not None:
        refuse("cannot specify both single port and port range")
    found = _RANGE.fullmatch(text)
    if found is None:
        refuse(f"Invalid containerPortRange '{text}'. A port range is written <first>-<last>.")
    first, last = int(found[1]), int(found[2])
    _check_number(first, "container")
    _check_number(last, "container")
    if first > last:
        refuse(f"Invalid containerPortRange '{text}'. The first port must not be above the last.")
    return first, last, protocol


def _check_number(port: int, which: str, *, least: int = 1) -> None:
    if not least <= port <= PORT_MAX:
        refuse(f"Invalid {which} port {port}. Ports must be between {least} and {PORT_MAX}.")


def _check_name(mapping: Document, names: set[str]) -> None:
    name = mapping.get("name")
    if name is None:
        if mapping.get("appProtocol") is not None:
            refuse("appProtocol can only be set on a port mapping that has a name.")
        return
    if not _NAME.fullmatch(name):
        refuse(
            f"Invalid port mapping name '{name}'. It has up to 64 lower-case letters, digits, underscores "
            "and hyphens, and does not begin with a hyphen."
        )
    if name in names:
        refuse(f"Port mapping name '{name}' is used more than once in the task definition.")
    names.add(name)
