"""Systems Manager: its Parameter Store, and nothing else of it."""

from bastide.api.ssm import deletion, labels, listing, parameters, reading, tags

PARTS = (
    deletion.OPERATIONS,
    labels.OPERATIONS,
    listing.OPERATIONS,
    parameters.OPERATIONS,
    reading.OPERATIONS,
    tags.OPERATIONS,
)
