"""Users, groups, roles and what belongs to them: keys, memberships, instance profiles."""
