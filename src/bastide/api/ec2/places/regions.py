"""Regions and their availability zones: names and ids.

Every region has two zones here, whose ids are the same for every account: there is one host behind both.
"""

import re

# AWS's regions that need no opt-in (EC2 user guide, "Regions and Zones"); any other name works as well.
REGIONS = (
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)
ZONE_LETTERS = "ab"
_COMPASS = re.compile(r"north|south|east|west|central")


def zones_of(region: str) -> tuple[str, ...]:
    """`us-east-1` → `us-east-1a`, `us-east-1b`."""
    return tuple(region + letter for letter in ZONE_LETTERS)


def zone_id(zone: str) -> str:
    """`us-east-1a` → `use1-az1`, `ap-southeast-2b` → `apse2-az2`: as AWS shortens them."""
    parts = [part for part in zone[:-1].split("-") if part]
    middle = "".join(_shortened(part) for part in parts[1:-1])
    number = "".join(parts[1:][-1:])
    return f"{parts[0]}{middle}{number}-az{ZONE_LETTERS.index(zone[-1]) + 1}"


def _shortened(part: str) -> str:
    return "".join(word[0] for word in _COMPASS.findall(part)) or part[0]
