"""What a gVisor sandbox says of itself over its control socket: the way `runsc events` asks, without runsc.

A question costs a millisecond; through containerd, its shim starts a process of runsc's for each. The words
are runsc's own business and may change with its version: whoever asks here must do without an answer.
"""

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

ANSWER_TIMEOUT_S = 2.0  # the sandbox answers out of the task's own share of the processor
READ_BYTES = 64 * 1024


async def read_sandbox_memory(state_folder: Path, container_id: str) -> int | None:
    """What the container uses, page cache left out; None when nobody answers that."""
    socket = _find_socket(state_folder, container_id)
    if socket is None:
        return None
    file = {"controller": "memory", "path": f"/{container_id}", "name": "memory.usage_in_bytes"}
    with contextlib.suppress(OSError, TimeoutError, ValueError, KeyError, IndexError, TypeError):
        answer = await _ask(socket, "Cgroups.ReadControlFiles", {"args": [{"file": file}]})
        return int(answer["result"]["results"][0]["value"])
    return None


def _find_socket(state_folder: Path, container_id: str) -> Path | None:
    """Of the sandbox that holds the container: runsc names the container's state after both."""
    for state in state_folder.glob(f"{container_id}_sandbox:*.state"):
        return state_folder / f"runsc-{state.name.partition(':')[2].removesuffix('.state')}.sock"
    return None


async def _ask(socket: Path, method: str, argument: dict[str, Any]) -> Any:
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        reader, writer = await _connect(socket)
        try:
            writer.write(json.dumps({"method": method, "arg": argument}).encode())
            return await _read_json(reader)
        finally:
            writer.transport.abort()


async def _connect(socket: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A socket's path may be longer than an address may be; its open file has a short one."""
    descriptor = os.open(socket, os.O_PATH | os.O_CLOEXEC)
    try:
        return await asyncio.open_unix_connection(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


async def _read_json(reader: asyncio.StreamReader) -> Any:
    """One answer; nothing marks its end but that it is whole."""
    text = b""
    while True:
        data = await reader.read(READ_BYTES)
        if not data:
            raise ConnectionResetError
        text += data
        with contextlib.suppress(ValueError):
            return json.loads(text)
