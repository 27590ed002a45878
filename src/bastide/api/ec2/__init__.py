"""EC2: the network of tasks."""

from bastide.api.ec2.groups import security_groups
from bastide.api.ec2.interfaces import network_interfaces
from bastide.api.ec2.places import zones
from bastide.api.ec2.vpcs import subnets, vpcs

PARTS = (
    vpcs.OPERATIONS,
    subnets.OPERATIONS,
    security_groups.OPERATIONS,
    network_interfaces.OPERATIONS,
    zones.OPERATIONS,
)
