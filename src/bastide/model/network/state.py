"""Everything of one VPC that packets meet, put together from its parts.

A part that names another which is not there is left out, or stands without it: what cannot be known
opens nothing. Pure.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from bastide.model.network.parts import (
    AnyPart,
    Endpoint,
    FlowLog,
    Interface,
    InternetGateway,
    NatGateway,
    NetworkAcl,
    PrefixList,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
)

P = TypeVar("P", bound=AnyPart)


class VpcState(msgspec.Struct, frozen=True, kw_only=True):
    """One VPC, each noun by id."""

    vpc: Vpc
    subnets: dict[str, Subnet] = {}
    route_tables: dict[str, RouteTable] = {}
    gateways: dict[str, InternetGateway] = {}
    nat_gateways: dict[str, NatGateway] = {}
    interfaces: dict[str, Interface] = {}
    groups: dict[str, SecurityGroup] = {}
    rules: dict[str, SecurityGroupRule] = {}
    acls: dict[str, NetworkAcl] = {}
    prefix_lists: dict[str, PrefixList] = {}
    endpoints: dict[str, Endpoint] = {}
    flow_logs: dict[str, FlowLog] = {}

    def route_table_of(self, subnet_id: str) -> RouteTable | None:
        """The table the subnet is associated with, else the main one."""
        tables = self.route_tables.values()
        own = next((table for table in tables if subnet_id in table.subnet_ids), None)
        return own or next((table for table in tables if table.is_main), None)

    def acl_of(self, subnet_id: str) -> NetworkAcl | None:
        """The ACL the subnet is associated with, else the VPC's default one."""
        acls = self.acls.values()
        own = next((acl for acl in acls if subnet_id in acl.subnet_ids), None)
        return own or next((acl for acl in acls if acl.is_default), None)

    def addresses_by_group(self) -> dict[str, list[str]]:
        """Private addresses of each group's members, in order."""
        found: dict[str, list[str]] = {}
        for one in self.interfaces.values():
            for group_id in dict.fromkeys(one.group_ids):
                found.setdefault(group_id, []).extend(address.private_ip for address in one.addresses)
        return {group_id: sorted(addresses) for group_id, addresses in found.items()}

    def rules_by_group(self) -> dict[tuple[str, bool], list[SecurityGroupRule]]:
        """Each group's rules that are for egress, and those that are not, by id."""
        found: dict[tuple[str, bool], list[SecurityGroupRule]] = {}
        for rule in sorted(self.rules.values(), key=lambda rule: rule.id):
            found.setdefault((rule.group_id, rule.is_egress), []).append(rule)
        return found

    def flow_logs_of(self, interface: Interface) -> list[FlowLog]:
        """Those that want to know of the interface's packets."""
        at = {interface.id, interface.subnet_id, interface.vpc_id}
        return [one for one in self.flow_logs.values() if one.resource_id in at]

    def rules_of(self, group_id: str, *, is_egress: bool) -> list[SecurityGroupRule]:
        """The group's rules of one direction, by id."""
        rules = (one for one in self.rules.values() if one.group_id == group_id)
        return sorted((one for one in rules if one.is_egress is is_egress), key=lambda one: one.id)


def assemble_vpcs(parts: Iterable[AnyPart]) -> dict[str, VpcState]:
    """Every VPC among the parts, by id."""
    held = list(parts)
    lists = _by_id(one for one in held if isinstance(one, PrefixList))
    logs = [one for one in held if isinstance(one, FlowLog)]
    rules: dict[str, list[SecurityGroupRule]] = {}
    of_vpc: dict[str, list[AnyPart]] = {}
    for part in held:
        if isinstance(part, SecurityGroupRule):
            rules.setdefault(part.group_id, []).append(part)
        elif not isinstance(part, Vpc | PrefixList | FlowLog):
            of_vpc.setdefault(part.vpc_id, []).append(part)
    return {
        vpc.id: _assemble(vpc, [*of_vpc.get(vpc.id, []), *logs], rules, lists)
        for vpc in sorted((one for one in held if isinstance(one, Vpc)), key=lambda one: one.id)
    }


def _assemble(
    vpc: Vpc,
    parts: list[AnyPart],
    rules: dict[str, list[SecurityGroupRule]],
    lists: dict[str, PrefixList],
) -> VpcState:
    groups = _of(SecurityGroup, parts)
    own_rules = _by_id(rule for group_id in groups for rule in rules.get(group_id, ()))
    resources = {vpc.id, *_of(Subnet, parts), *_of(Interface, parts)}
    named = {rule.prefix_list_id for rule in own_rules.values()}
    return VpcState(
        vpc=vpc,
        subnets=_of(Subnet, parts),
        route_tables=_of(RouteTable, parts),
        gateways=_of(InternetGateway, parts),
        nat_gateways=_of(NatGateway, parts),
        interfaces=_of(Interface, parts),
        groups=groups,
        rules=own_rules,
        acls=_of(NetworkAcl, parts),
        prefix_lists={key: one for key, one in lists.items() if key in named},
        endpoints=_of(Endpoint, parts),
        flow_logs={key: one for key, one in _of(FlowLog, parts).items() if one.resource_id in resources},
    )


def _of(kind: type[P], parts: Iterable[AnyPart]) -> dict[str, P]:
    return _by_id(part for part in parts if isinstance(part, kind))


def _by_id(parts: Iterable[P]) -> dict[str, P]:
    return {part.id: part for part in sorted(parts, key=lambda part: part.id)}
