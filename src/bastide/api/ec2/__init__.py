"""EC2: the network of tasks."""

from bastide.api.ec2 import flow_logs, tags
from bastide.api.ec2.groups import (
    acl_entries,
    network_acls,
    prefix_lists,
    rule_changes,
    rules,
    security_groups,
)
from bastide.api.ec2.interfaces import addresses, network_interfaces
from bastide.api.ec2.interfaces import associations as address_associations
from bastide.api.ec2.interfaces import attributes as interface_attributes
from bastide.api.ec2.places import account, zones
from bastide.api.ec2.routing import associations as route_table_associations
from bastide.api.ec2.routing import (
    endpoint_services,
    endpoints,
    internet_gateways,
    nat_gateways,
    route_tables,
    routes,
)
from bastide.api.ec2.vpcs import attributes, dhcp_options, subnets, vpcs

PARTS = (
    vpcs.OPERATIONS,
    attributes.OPERATIONS,
    subnets.OPERATIONS,
    dhcp_options.OPERATIONS,
    route_tables.OPERATIONS,
    routes.OPERATIONS,
    route_table_associations.OPERATIONS,
    internet_gateways.OPERATIONS,
    nat_gateways.OPERATIONS,
    endpoints.OPERATIONS,
    endpoint_services.OPERATIONS,
    addresses.OPERATIONS,
    address_associations.OPERATIONS,
    network_interfaces.OPERATIONS,
    interface_attributes.OPERATIONS,
    security_groups.OPERATIONS,
    rules.OPERATIONS,
    rule_changes.OPERATIONS,
    prefix_lists.OPERATIONS,
    network_acls.OPERATIONS,
    acl_entries.OPERATIONS,
    tags.OPERATIONS,
    flow_logs.OPERATIONS,
    zones.OPERATIONS,
    account.OPERATIONS,
)
