"""Amazon ECR as `aws ecr` asks for it. What it is about is kept by store/registry."""

from bastide.api.ecr import (
    images,
    layers,
    lifecycle,
    policies,
    pull_through,
    registry,
    repositories,
    tags,
    templates,
    tokens,
)

PARTS = (
    images.OPERATIONS,
    layers.OPERATIONS,
    lifecycle.OPERATIONS,
    policies.OPERATIONS,
    pull_through.OPERATIONS,
    registry.OPERATIONS,
    repositories.OPERATIONS,
    tags.OPERATIONS,
    templates.OPERATIONS,
    tokens.OPERATIONS,
)
