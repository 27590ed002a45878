"""OCI distribution v1.1: what `docker push`, `skopeo` and their like speak, below /v2/."""

from bastide.api.distribution.app import Distribution

__all__ = ["Distribution"]
