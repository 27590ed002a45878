"""Secrets Manager: secrets, their versions and labels. No rotation by functions, no replicas, no policies."""

from bastide.api.secretsmanager import listing, secrets, tags, versions

PARTS = (listing.OPERATIONS, secrets.OPERATIONS, tags.OPERATIONS, versions.OPERATIONS)
