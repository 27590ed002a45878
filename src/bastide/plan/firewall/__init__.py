"""What packets may do, as values: tables of nft made from a VPC's parts, and the change from one to another.

Pure; `host/network/nft.py` applies the commands, and is given this module as its `Firewall`.
"""

from bastide.plan.firewall.host import plan_host, render_host_table
from bastide.plan.firewall.nat import public_addresses_of
from bastide.plan.firewall.open import (
    elements_of,
    plan_port,
    plan_removal,
    render_added,
    render_removed,
    render_vpc_table,
)
from bastide.plan.firewall.table import Command, Table, plan_table, render_table
from bastide.plan.firewall.vpc import plan_vpc

__all__ = [
    "Command",
    "Table",
    "elements_of",
    "plan_host",
    "plan_port",
    "plan_removal",
    "plan_table",
    "plan_vpc",
    "public_addresses_of",
    "render_added",
    "render_host_table",
    "render_removed",
    "render_table",
    "render_vpc_table",
]
