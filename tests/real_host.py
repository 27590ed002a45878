"""What tests on the real host share: whether it can be touched, a name of their own, and its state before.

Also a `Fuse`: it ends an operation at its n-th step, as a crash would.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from tests.host_snapshot import take_snapshot


def require_root(*programs: str) -> None:
    """Skip loudly without root or one of the programs; fail where they must be there."""
    missing = [program for program in programs if shutil.which(program) is None]
    if os.geteuid() != 0 or missing:
        why = f"needs root and {', '.join(programs)}; missing: {', '.join(missing) or 'root'}"
        if os.environ.get("BASTIDE_TEST_REAL") == "1":
            pytest.fail(why)
        pytest.skip(why)


def instance_name(kind: str) -> str:
    """An instance of this process's own; `kind` is one or two letters."""
    return f"{kind}{os.getpid():x}"


@contextmanager
def nothing_left(*words: str) -> Iterator[None]:
    """The host, as far as lines with these words go, is the same afterwards, byte for byte."""
    before = take_snapshot(words)
    yield
    assert take_snapshot(words) == before


class Crash(BaseException):
    """Not an Exception, so that no clean-up written for failures runs."""


class Fuse:
    """Raises Crash instead of the n-th of the steps it was laid into (from 1)."""

    def __init__(self, blows_at: int) -> None:
        self._left = blows_at
        self.blown = False

    @contextmanager
    def laid(self, steps: list[tuple[Any, str]]) -> Iterator[None]:
        """Each step is a module and the name of a function in it."""
        laid = [mock.patch.object(module, name, self._fused(getattr(module, name))) for module, name in steps]
        for one in laid:
            one.start()
        try:
            yield
        finally:
            for one in laid:
                one.stop()

    def _fused(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def fused(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self.blown = True
                raise Crash(getattr(step, "__name__", "step"))
            return step(*args, **kwargs)

        return fused
