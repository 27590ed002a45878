"""VPCs, subnets and DHCP options."""
