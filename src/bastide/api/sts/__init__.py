"""STS as `aws sts` asks for it: who the caller is, and keys that end."""

from bastide.api.sts import assume, decoding, federation, identity, identity_providers

PARTS = (
    assume.OPERATIONS,
    decoding.OPERATIONS,
    federation.OPERATIONS,
    identity.OPERATIONS,
    identity_providers.OPERATIONS,
)
