"""A minimal store for files that tasks start with (`environmentFiles`): no S3, but what `aws s3 cp` needs."""

from bastide.api.s3 import buckets, listing, objects, policies

PARTS = (buckets.OPERATIONS, listing.OPERATIONS, objects.OPERATIONS, policies.OPERATIONS)
