"""Secrets Manager: secrets, their versions and labels. No rotation by functions, no replicas."""

from bastide.api.secretsmanager import listing, policies, secrets, tags, versions

PARTS = (
    listing.OPERATIONS,
    policies.OPERATIONS,
    secrets.OPERATIONS,
    tags.OPERATIONS,
    versions.OPERATIONS,
)
