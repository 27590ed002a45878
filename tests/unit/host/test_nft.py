"""What is read from nft's JSON."""

from bastide.host.network.nft import parse_elements


def test_sets_and_maps_by_name_and_empty_ones_too() -> None:
    listed = {
        "nftables": [
            {"metainfo": {"version": "1.0.6"}},
            {"table": {"family": "inet", "name": "vpc"}},
            {"set": {"name": "sources", "elem": [{"concat": ["eni1", "0a:00:00:00:00:01", "10.0.0.4"]}]}},
            {"map": {"name": "public_to_private"}},
            {"map": {"name": "ingress", "elem": [["eni1", {"accept": None}]]}},
            {"chain": {"name": "forward"}},
        ]
    }
    assert parse_elements(listed) == {
        "sources": [{"concat": ["eni1", "0a:00:00:00:00:01", "10.0.0.4"]}],
        "public_to_private": [],
        "ingress": [["eni1", {"accept": None}]],
    }
