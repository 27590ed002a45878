"""What a VPC's resolver says by itself, and what it sends on."""

import pytest
from msgspec.structs import replace

from bastide.model.network.names import (
    TYPE_A,
    TYPE_AAAA,
    TYPE_ANY,
    TYPE_PTR,
    Resolution,
    Said,
    VpcNames,
    Zone,
)
from bastide.plan.resolution import resolve

VPC = VpcNames(
    vpc_id="vpc-1",
    cidrs=("10.0.0.0/16", "10.9.0.0/24"),
    region="eu-west-1",
    pool="198.18.7.0/24",
    private_by_public={"198.18.7.5": "10.0.0.5"},
)
VIRGINIA = replace(VPC, region="us-east-1")
NAMELESS = replace(VPC, has_hostnames=False)
ENDPOINTS = replace(
    VPC,
    zones=(
        Zone(name="logs.eu-west-1.amazonaws.com", addresses={"logs.eu-west-1.amazonaws.com": ("10.0.0.9",)}),
        Zone(
            name="dkr.ecr.eu-west-1.amazonaws.com",
            addresses={"*.dkr.ecr.eu-west-1.amazonaws.com": ("10.0.0.9",)},
        ),
    ),
)
WITH_API = replace(VPC, has_hostnames=False, registry_domain="images.test")
MAPPED = replace(
    VPC,
    zones=(
        Zone(name="corp.example", addresses={"a.b.corp.example": ("10.0.0.7", "10.0.0.8")}),
        Zone(name="inner.corp.example", addresses={"web.inner.corp.example": ("10.0.0.9",)}),
    ),
)


@pytest.mark.parametrize(
    ("names", "name", "values"),
    [
        (VPC, "ip-10-0-0-5.eu-west-1.compute.internal", ("10.0.0.5",)),
        (VPC, "ip-10-9-0-255.eu-west-1.compute.internal", ("10.9.0.255",)),
        (VIRGINIA, "ip-10-0-0-5.ec2.internal", ("10.0.0.5",)),
        (VPC, "ec2-198-18-7-5.eu-west-1.compute.amazonaws.com", ("10.0.0.5",)),
        (VPC, "ec2-198-18-7-6.eu-west-1.compute.amazonaws.com", ("198.18.7.6",)),
        (VIRGINIA, "ec2-198-18-7-5.compute-1.amazonaws.com", ("10.0.0.5",)),
        (ENDPOINTS, "logs.eu-west-1.amazonaws.com", ("10.0.0.9",)),
        (ENDPOINTS, "123456789012.dkr.ecr.eu-west-1.amazonaws.com", ("10.0.0.9",)),
        (WITH_API, "api.bastide.internal", ("169.254.170.3",)),
        (WITH_API, "123456789012.dkr.ecr.us-west-2.images.test", ("169.254.170.3",)),
        (MAPPED, "a.b.corp.example", ("10.0.0.7", "10.0.0.8")),
        (MAPPED, "web.inner.corp.example", ("10.0.0.9",)),
    ],
)
def test_an_address_is_found_by_name(names: VpcNames, name: str, values: tuple[str, ...]) -> None:
    for kind in (TYPE_A, TYPE_ANY):
        found = resolve(names, name, kind)
        assert (found.said, found.kind, found.values) == (Said.FOUND, TYPE_A, values)
    assert resolve(names, name, TYPE_AAAA).said is Said.NO_DATA


@pytest.mark.parametrize(
    ("names", "name", "target"),
    [
        (VPC, "5.0.0.10.in-addr.arpa", "ip-10-0-0-5.eu-west-1.compute.internal"),
        (VIRGINIA, "5.0.0.10.in-addr.arpa", "ip-10-0-0-5.ec2.internal"),
        (VPC, "5.7.18.198.in-addr.arpa", "ec2-198-18-7-5.eu-west-1.compute.amazonaws.com"),
    ],
)
def test_a_name_is_found_by_address(names: VpcNames, name: str, target: str) -> None:
    found = resolve(names, name, TYPE_PTR)
    assert (found.said, found.kind, found.values) == (Said.FOUND, TYPE_PTR, (target,))
    assert resolve(names, name, TYPE_A).said is Said.NO_DATA


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (VPC, "ip-10-1-0-5.eu-west-1.compute.internal"),  # another VPC's, if anybody's
        (VPC, "ip-10-0-0-5.us-west-2.compute.internal"),
        (VPC, "ip-10-0-0-5.ec2.internal"),
        (VPC, "ip-010-0-0-5.eu-west-1.compute.internal"),
        (VPC, "ip-10-0-0-256.eu-west-1.compute.internal"),
        (VPC, "x.ip-10-0-0-5.eu-west-1.compute.internal"),
        (VPC, "nothing.eu-west-1.compute.internal"),
        (VPC, "1.1.168.192.in-addr.arpa"),  # the LAN's names are the LAN's
        (VPC, "1.0.0.127.in-addr.arpa"),
        (VPC, "printer"),
        (NAMELESS, "ip-10-0-0-5.eu-west-1.compute.internal"),
        (NAMELESS, "ec2-198-18-7-5.eu-west-1.compute.amazonaws.com"),
        (NAMELESS, "5.0.0.10.in-addr.arpa"),
        (MAPPED, "other.corp.example"),
        (MAPPED, "a.b.inner.corp.example"),
    ],
)
def test_what_is_private_and_nobodys_is_not_asked_of_the_world(names: VpcNames, name: str) -> None:
    kind = TYPE_PTR if name.endswith(".arpa") else TYPE_A
    assert resolve(names, name, kind).said is Said.NO_NAME


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (VPC, "eu-west-1.compute.internal"),
        (VPC, "compute.internal"),
        (VPC, "0.10.in-addr.arpa"),
        (VPC, "10.in-addr.arpa"),
        (MAPPED, "corp.example"),
        (MAPPED, "b.corp.example"),
    ],
)
def test_what_only_has_names_below_it_has_no_address(names: VpcNames, name: str) -> None:
    assert resolve(names, name, TYPE_A).said is Said.NO_DATA


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("example.com", TYPE_A),
        ("com", 2),
        ("", 2),
        ("notcompute.internal", TYPE_A),
        ("s3.eu-west-1.amazonaws.com", TYPE_A),
        ("ec2-3-4-5-6.eu-west-1.compute.amazonaws.com", TYPE_A),
        ("eu-west-1.compute.amazonaws.com", TYPE_A),
        ("4.4.8.8.in-addr.arpa", TYPE_PTR),
        ("300.in-addr.arpa", TYPE_PTR),
        ("in-addr.arpa", TYPE_PTR),
        ("1.2.3.4.5.in-addr.arpa", TYPE_PTR),
        ("172.in-addr.arpa", TYPE_PTR),  # only a part of it is private
        ("1.ip6.arpa", TYPE_PTR),
    ],
)
def test_what_is_the_worlds_is_sent_on(name: str, kind: int) -> None:
    assert resolve(VPC, name, kind) == Resolution(Said.FORWARD)


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (VPC, "api.bastide.internal"),
        (VPC, "123456789012.dkr.ecr.us-west-2.images.test"),
        (WITH_API, "123456789012.dkr.ecr.us-west-2.amazonaws.com"),
        (WITH_API, "images.test"),
        (ENDPOINTS, "ecs.eu-west-1.amazonaws.com"),
    ],
)
def test_what_is_no_name_of_the_apis_is_the_worlds(names: VpcNames, name: str) -> None:
    assert resolve(names, name, TYPE_A).said is Said.FORWARD
