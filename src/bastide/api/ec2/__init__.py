"""EC2: what a task's network consists of, as far as it can be looked at."""

from bastide.api.ec2 import network_interfaces, security_groups, subnets, vpcs, zones

PARTS = (
    vpcs.OPERATIONS,
    subnets.OPERATIONS,
    security_groups.OPERATIONS,
    network_interfaces.OPERATIONS,
    zones.OPERATIONS,
)
