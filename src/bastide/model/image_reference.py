"""Whose registry an image comes from, as far as a task definition's rules need to know."""

import re

# <account>.dkr.ecr[-fips].<region>.<domain>/…: Amazon ECR user guide, "Private registry"
_PRIVATE_ECR = re.compile(r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.[a-z0-9.-]+(:[0-9]+)?/.+")


def is_private_ecr(image: str) -> bool:
    """Whether pulling the image takes a registry login with the execution role."""
    return _PRIVATE_ECR.fullmatch(image) is not None
