"""Ports and targets as an operator types them."""

import pytest

from bastide.model.faults import Invalid
from bastide.model.network.publication import HostPort, Publication, parse_host_port, parse_target


@pytest.mark.parametrize(
    ("text", "port"),
    [("8080", HostPort(8080, "tcp")), ("53/udp", HostPort(53, "udp")), ("1/tcp", HostPort(1, "tcp"))],
)
def test_a_port_is_read(text: str, port: HostPort) -> None:
    assert parse_host_port(text) == port
    assert parse_host_port(str(port)) == port


@pytest.mark.parametrize("text", ["", "0", "65536", "80/sctp", "-1", "80/", "http", "８０", "80/TCP"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is no port"):
        parse_host_port(text)


def test_a_target_is_read_and_shown() -> None:
    assert parse_target("198.18.7.5:80") == ("198.18.7.5", 80)
    assert str(Publication(HostPort(8080, "tcp"), "198.18.7.5", 80)) == "8080/tcp -> 198.18.7.5:80"


@pytest.mark.parametrize("text", ["198.18.7.5", "198.18.7.5:", "web:80", ":80", "198.18.7.5:0", "::1:80"])
def test_what_is_no_target_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Invalid, match=r"198\.18\.7\.5:80"):
        parse_target(text)
