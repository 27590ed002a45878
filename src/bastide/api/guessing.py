"""Whoever signs wrongly again and again is answered later and later: an address at a time.

Only refusals wait, after they are decided, so no guess delays a good call, from the same address or another.
An address is forgotten when it stops; of very many at once those are forgotten that guessed longest ago, so
memory is bounded. Used from one event loop.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address

from bastide.wire.sigv4 import Refused, RefusedReason

FREE = 10  # wrong ones at once that nobody minds: a typing error, a client that tries again
FORGIVEN_S = 6.0  # after which one is forgotten
FIRST_S = 0.25
LONGEST_S = 4.0  # less than a server that is asked to end gives those it still answers
ADDRESSES = 4096
GUESSES = frozenset({RefusedReason.BAD_TOKEN, RefusedReason.MISMATCH, RefusedReason.UNKNOWN_KEY})
_IPV6_PREFIX_BITS = 64  # what one subscriber has


class Guessing:
    """How often each address guessed of late."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()  # guesses, and when counted

    def wait_s(self, address: str) -> float:
        """Count one wrong signature, and say how long its refusal is to wait."""
        source, now_s = _source(address), self._now()
        guesses, counted_s = self._held.pop(source, (0.0, now_s))
        guesses = max(0.0, guesses - (now_s - counted_s) / FORGIVEN_S) + 1
        guesses = min(guesses, FREE + 10.0)  # so that it does not take hours to be forgiven
        self._held[source] = (guesses, now_s)
        if len(self._held) > ADDRESSES:
            self._held.popitem(last=False)
        beyond = int(guesses) - FREE
        return 0.0 if beyond <= 0 else min(LONGEST_S, FIRST_S * 2.0 ** (beyond - 1))

    def __len__(self) -> int:
        return len(self._held)


def is_guess(escaped: Exception) -> bool:
    """Whether somebody may have guessed: a clock that is wrong, or a request cut short, is no guess."""
    return isinstance(escaped, Refused) and escaped.reason in GUESSES


def _source(address: str) -> str:
    """The address, or the network of an IPv6 one."""
    if ":" not in address:
        return address
    try:
        return str(int(IPv6Address(address.partition("%")[0])) >> (128 - _IPV6_PREFIX_BITS))
    except ValueError:
        return address
