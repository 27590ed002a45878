"""Flows as a router counts them: packets and bytes by addresses, protocol and ports."""

from collections.abc import Mapping
from typing import NamedTuple

VPC_TABLE = "vpc"  # a router's rules and sets
SEEN, PASSED = "flows-seen", "flows-passed"  # the router's sets: before packets are judged, and after
PORTLESS = "-portless"  # their counterparts for what has no ports


class FlowKey(NamedTuple):
    """Which packets belong together."""

    source: str
    destination: str
    protocol: int
    source_port: int = 0
    port: int = 0


class Count(NamedTuple):
    """How many they are."""

    packets: int
    bytes: int

    def plus(self, other: "Count") -> "Count":
        """Both together."""
        return Count(self.packets + other.packets, self.bytes + other.bytes)

    def minus(self, other: "Count") -> "Count":
        """What is left; less than nothing where the other was looked at later."""
        return Count(self.packets - other.packets, self.bytes - other.bytes)


Counts = Mapping[FlowKey, Count]
NOTHING = Count(0, 0)


class CountedFlows(NamedTuple):
    """Every flow of a VPC, before its packets were judged and after; the first was read first."""

    seen: Counts
    passed: Counts
