"""Amazon ECR as `aws ecr` asks for it. What it is about is kept by store/registry."""

from bastide.api.ecr import (
    images,
    layers,
    lifecycle,
    policies,
    registry,
    repositories,
    tags,
    tokens,
)

PARTS = (
    images.OPERATIONS,
    layers.OPERATIONS,
    lifecycle.OPERATIONS,
    policies.OPERATIONS,
    registry.OPERATIONS,
    repositories.OPERATIONS,
    tags.OPERATIONS,
    tokens.OPERATIONS,
)
