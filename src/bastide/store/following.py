"""Hearing of changes as long as one listens: everything first, then each change, all again after a loss."""

from collections.abc import Awaitable, Callable, Collection

from bastide.store.records import Change, Lost
from bastide.store.store import Store


async def follow(
    store: Store,
    kinds: Collection[str],
    *,
    on_all: Callable[[], Awaitable[None]],
    on_change: Callable[[Change], None],
) -> None:
    """Call `on_all`, then `on_change` for each change of these kinds, until cancelled or the store closes.

    The watch begins before `on_all` looks, so nothing falls between the two.
    """
    with store.watch(kinds=kinds) as watch:
        await on_all()
        async for change in watch:
            if isinstance(change, Lost):
                await on_all()
            else:
                on_change(change)
