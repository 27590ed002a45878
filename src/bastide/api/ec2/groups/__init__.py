"""Who may talk to whom: security groups and their rules, prefix lists, network ACLs."""
