"""IAM as `aws iam` asks for it: who there is, and what they may do. What policies mean is permissions/'s."""

from bastide.api.iam import absent, account, details, tags
from bastide.api.iam.identities import (
    access_keys,
    groups,
    instance_profiles,
    members,
    roles,
    service_linked,
    users,
)
from bastide.api.iam.policies import attachments, boundaries, inline, managed, versions
from bastide.api.iam.simulation import operations as simulation

PARTS = (
    absent.OPERATIONS,
    access_keys.OPERATIONS,
    account.OPERATIONS,
    attachments.OPERATIONS,
    boundaries.OPERATIONS,
    details.OPERATIONS,
    groups.OPERATIONS,
    inline.OPERATIONS,
    instance_profiles.OPERATIONS,
    managed.OPERATIONS,
    members.OPERATIONS,
    roles.OPERATIONS,
    service_linked.OPERATIONS,
    simulation.OPERATIONS,
    tags.OPERATIONS,
    users.OPERATIONS,
    versions.OPERATIONS,
)
