"""Whether an instance would get in the way of another one, or of this host's own network.

Two things of an instance are drawn from its name and may, rarely, be drawn twice: its public pool and how
its links begin. What is in use is read from the other instances' settings and from the kernel's routes.
"""

import subprocess
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from typing import Any

import msgspec

from bastide.cli.processes.folders import read_frozen
from bastide.config import Settings
from bastide.host import names
from bastide.model.faults import Conflict, Invalid
from bastide.model.network import public_pool

ROUTES = ("ip", "-json", "-4", "route", "show", "table", "all")


def check_neighbours(settings: Settings) -> None:
    """Raises Conflict, with what to choose instead, when something of ours is taken."""
    pool = public_pool(settings.instance, settings.public_pool)
    for other in _read_others(settings):
        theirs = public_pool(other.instance, other.public_pool)
        if pool.overlaps(theirs):
            raise _taken(pool, f"the instance {other.instance} has {theirs}")
        if names.instance_tag(other.instance) == names.instance_tag(settings.instance):
            why = f"The links of {settings.instance} and {other.instance} would get the same names."
            raise Conflict("instance", settings.instance, why=f"{why} Choose another --instance.")
    told = subprocess.run(ROUTES, capture_output=True, check=False).stdout
    routes = msgspec.json.decode(told or b"[]", type=list[dict[str, Any]])
    if (route := find_route_within(pool, routes, names.transit_prefix(settings.instance))) is not None:
        raise _taken(pool, f"this host reaches {route['dst']} by {route['dev']}")


def find_route_within(
    pool: IPv4Network, routes: Iterable[dict[str, Any]], own_links: str
) -> dict[str, Any] | None:
    """A route into the pool that is not by our own links; wider ones, which ours stand out from, are fine."""
    for route in routes:
        if "dev" not in route or route["dev"].startswith(own_links) or route["dst"] == "default":
            continue
        if IPv4Network(route["dst"]).subnet_of(pool):
            return route
    return None


def _read_others(settings: Settings) -> Iterator[Settings]:
    """As each was last started in this boot; its tasks may run though it is down."""
    for folder in sorted(settings.run_root.glob("*/settings.json")):
        if folder.parent.name == settings.instance:
            continue
        try:
            frozen = read_frozen(msgspec.structs.replace(settings, instance=folder.parent.name))
        except Invalid:
            continue  # of another version of Bastide
        if frozen is not None:
            yield frozen


def _taken(pool: IPv4Network, by: str) -> Conflict:
    why = f"The public addresses {pool} are taken: {by}. Choose others: --public-pool, a free network like"
    return Conflict("public pool", str(pool), why=f"{why} 198.18.77.0/24.")
