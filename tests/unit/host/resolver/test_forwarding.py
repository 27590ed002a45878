"""Whom questions are sent on to."""

import pytest

from bastide.host.resolver.forwarding import parse_resolv_conf


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        (b"nameserver 192.0.2.1\nsearch a.example\nnameserver 2001:db8::1\n", ("192.0.2.1", "2001:db8::1")),
        (b"# nameserver 192.0.2.9\n;nameserver 192.0.2.8\n nameserver\t192.0.2.1 \n", ("192.0.2.1",)),
        (b"nameserver fe80::1%eth0\n", ("fe80::1%eth0",)),
        (b"nameserver here\nnameserver\noptions edns0\n", ("127.0.0.1",)),
        (b"", ("127.0.0.1",)),
        (b"\xff\xfe\nnameserver 192.0.2.1", ("192.0.2.1",)),
        (
            b"".join(b"nameserver 192.0.2.%d\n" % n for n in range(1, 6)),
            ("192.0.2.1", "192.0.2.2", "192.0.2.3"),
        ),
    ],
)
def test_the_hosts_resolvers_are_read_as_the_c_library_reads_them(
    text: bytes, servers: tuple[str, ...]
) -> None:
    assert parse_resolv_conf(text) == servers
