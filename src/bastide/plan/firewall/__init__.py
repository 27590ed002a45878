"""What packets may do, as values: tables of nft made from a VPC's parts, and the change from one to another.

Pure; `host/network/nft.py` applies the commands, and is given this module as its `Firewall`.
"""

from bastide.plan.firewall.flows import may_cut, plan_cuts
from bastide.plan.firewall.host import plan_host, render_host_table
from bastide.plan.firewall.nat import public_addresses_of
from bastide.plan.firewall.table import Command, Table, plan_table, render_table
from bastide.plan.firewall.vpc import plan_vpc

__all__ = [
    "Command",
    "Table",
    "may_cut",
    "plan_cuts",
    "plan_host",
    "plan_table",
    "plan_vpc",
    "public_addresses_of",
    "render_host_table",
    "render_table",
]
