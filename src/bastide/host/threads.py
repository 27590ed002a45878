"""A thread for one call: for kernel work that changes the thread it runs on.

A pool's thread would carry a foreign namespace or folder into the next call; this one ends with its own.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def on_own_thread(work: Callable[[], T]) -> T:
    """Run `work` on a new thread; a cancelled caller still waits for its end."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def body() -> None:
        try:
            result = work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=body, name="bastide-host", daemon=True).start()
    waiting = asyncio.wrap_future(future)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        await asyncio.wait([waiting])
        if not waiting.cancelled():
            waiting.exception()  # seen, so that asyncio does not complain of it
        raise
