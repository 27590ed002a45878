"""Known flows of a namespace: read, and cut off. Works in the calling thread's namespace and blocks."""

import errno
import socket
from collections.abc import Callable, Collection, Iterable

from bastide.host.network.netlink.dumps import (
    ATTRIBUTE,
    HEADER,
    NETLINK_NETFILTER,
    Attributes,
    attributes,
    dump,
    open_netlink,
    raise_error,
)
from bastide.model.network import Flow

_CONNTRACK = 1 << 8  # NFNL_SUBSYS_CTNETLINK
_GET, _DELETE = _CONNTRACK | 1, _CONNTRACK | 2
_REQUEST_ACK = 0x5
_ORIGINAL, _REPLY = 1, 2  # CTA_TUPLE_…
_IP, _PROTOCOL = 1, 2  # within a tuple; within these: source 1 and destination 2, number 1 and ports 2 and 3
_NESTED = 0x8000
_HEAD_BYTES = 4  # struct nfgenmsg


def cut_flows(choose: Callable[[Iterable[Flow]], Collection[Flow]]) -> int:
    """Forget the flows that are chosen of all known ones; how many. Their next packets begin new ones."""
    with open_netlink(NETLINK_NETFILTER) as line:
        found = [(_flow(held), held[_ORIGINAL]) for _, held in dump(line, _GET, _HEAD_BYTES)]
        chosen = set(choose(flow for flow, _ in found))
        for flow, original in found:
            if flow in chosen:
                _forget(line, original)
    return len(chosen)


def _flow(held: Attributes) -> Flow:
    """As the VPC sees it: whoever answers stands there by its private address."""
    original, reply = attributes(held[_ORIGINAL]), attributes(held[_REPLY])
    protocol = attributes(original[_PROTOCOL])
    answers = attributes(reply[_PROTOCOL])
    return Flow(
        source=socket.inet_ntoa(attributes(original[_IP])[1]),
        destination=socket.inet_ntoa(attributes(reply[_IP])[1]),
        protocol=protocol[1][0],
        port=int.from_bytes(answers.get(2, b""), "big"),
    )


def _forget(line: socket.socket, original: bytes) -> None:
    head = bytes([socket.AF_INET]).ljust(_HEAD_BYTES, b"\0")
    named = ATTRIBUTE.pack(ATTRIBUTE.size + len(original), _ORIGINAL | _NESTED) + original
    body = head + named.ljust((len(named) + 3) & ~3, b"\0")
    line.send(HEADER.pack(HEADER.size + len(body), _DELETE, _REQUEST_ACK, 1, 0) + body)
    try:
        raise_error(line.recv(4096))
    except OSError as error:
        if error.errno != errno.ENOENT:  # it ended by itself
            raise
