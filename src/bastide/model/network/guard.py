"""What the packet rules of the host itself depend on."""

from ipaddress import IPv4Network

import msgspec


class HostGuard(msgspec.Struct, frozen=True, kw_only=True):
    """What the host's own packet rules for one installation depend on."""

    table: str
    links: str  # how the installation's transit links begin
    all_links: str  # how every installation's begin
    pool: IPv4Network
    uplinks: tuple[str, ...]  # where the host's default routes leave
    closed: tuple[str, ...]  # links the host did not forward to before an uplink was made to forward
