"""What a VPC's resolver knows of names, and what it may say to a question.

Frozen values: the agent writes `VpcNames` down, the VPC's resolver reads them, and plan/resolution turns
both into a `Resolution`. Names are in lower case and without the last dot. Pure.
"""

from enum import Enum

import msgspec

TYPE_A, TYPE_SOA, TYPE_PTR, TYPE_AAAA, TYPE_ANY = 1, 6, 12, 28, 255  # RFC 1035, section 3.2.2; RFC 3596
LINK_LOCAL_RESOLVER = "169.254.169.253"  # in every VPC, beside base plus two; VPC guide, "Amazon DNS server"
API_NAME = "api.bastide.internal"  # the API by name, in every VPC
AWS_DOMAIN = "amazonaws.com"
LOOK_UPS_PER_S = 1024  # packets an interface may send its resolver; VPC guide, "DNS quotas"


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A zone of the VPC's own, as Cloud Map and VPC endpoints make them; its names shadow the world's."""

    name: str
    addresses: dict[str, tuple[str, ...]] = {}  # IPv4, by whole name; *.… is each below


class VpcNames(msgspec.Struct, frozen=True, kw_only=True):
    """One VPC as its resolver has to know it."""

    vpc_id: str
    cidrs: tuple[str, ...]
    region: str
    pool: str  # CIDR of the installation's public addresses
    has_support: bool = True  # enableDnsSupport: somebody answers at all
    has_hostnames: bool = True  # enableDnsHostnames: ip-… and ec2-… mean something
    private_by_public: dict[str, str] = {}  # addresses of the VPC's interfaces that have both
    registry_domain: str = ""  # of the installation's ECR; empty: the API is not inside the VPC
    zones: tuple[Zone, ...] = ()


class Said(Enum):
    """What becomes of a question."""

    FOUND = "found"
    NO_DATA = "no data"  # the name is there, and nothing of that type
    NO_NAME = "no name"
    FORWARD = "forward"  # somebody else knows


class Resolution(msgspec.Struct, frozen=True):
    """The answer to one question; `zone` is whose word it is where there is nothing."""

    said: Said
    kind: int = TYPE_A
    values: tuple[str, ...] = ()  # addresses, or names for PTR
    zone: str = ""
