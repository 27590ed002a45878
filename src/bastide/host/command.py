"""The one way a program is run: an argument list, a time limit, its output as text.

Logs every argument list, so no secret may be in one: secrets go through `stdin`. A program that outlives
its time, or whose caller is cancelled, is killed with its whole process group and reaped before we return.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time

from bastide.model.faults import Unavailable

log = logging.getLogger(__name__)

TIMEOUT_S = 30.0
STDERR_KEPT_CHARS = 600  # of what a failed program said, in the fault


class CommandFailed(Unavailable):
    """A program could not be started, took too long or ended with something else than 0."""

    def __init__(self, argv: tuple[str, ...], *, code: int | None, stderr: str) -> None:
        said = stderr.strip()[-STDERR_KEPT_CHARS:]
        super().__init__("command", argv[0], why=f"{argv[0]}: {said or f'exit code {code}'}")
        self.argv = argv
        self.code = code  # None: never started, or killed for time
        self.stderr = stderr


async def run(*argv: str, stdin: str | bytes | None = None, timeout_s: float = TIMEOUT_S) -> str:
    """What the program wrote to stdout; CommandFailed for every other end than exit code 0."""
    began = time.monotonic()
    given = stdin.encode() if isinstance(stdin, str) else stdin
    process = await _start(argv, has_stdin=given is not None)
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate(given)
    except TimeoutError as error:
        raise CommandFailed(argv, code=None, stderr=f"still running after {timeout_s:g} s") from error
    finally:
        if process.returncode is None:
            await _kill(process)
    elapsed_ms = round((time.monotonic() - began) * 1000)
    log.debug("ran", extra={"argv": argv, "code": process.returncode, "elapsed_ms": elapsed_ms})
    if process.returncode != 0:
        raise CommandFailed(argv, code=process.returncode, stderr=err.decode(errors="replace"))
    return out.decode(errors="replace")


async def _start(argv: tuple[str, ...], *, has_stdin: bool) -> asyncio.subprocess.Process:
    """Start it as the leader of a group of its own, which is killed if we are cancelled meanwhile."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE if has_stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    )
    try:
        # Shielded: cancelled halfway, asyncio kills the program alone and waits for its children's pipes.
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting])
        if starting.exception() is None:
            await _kill(starting.result())
        raise
    except OSError as error:
        raise CommandFailed(argv, code=None, stderr=str(error)) from error


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill the program's process group and reap it, even while we are being cancelled."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # communicate() and not wait(): a full pipe would otherwise keep the transports open.
    await asyncio.shield(asyncio.ensure_future(process.communicate()))
