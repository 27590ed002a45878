"""What server and agent say of exec sessions, as frames of their session (`model/frames`).

Bytes go both ways within a window: a side that has WINDOW_BYTES out waits until the other says by `ExecTaken`
that some were passed on. An `ExecEnded` is the last word about a session. What is typed may be a secret: no
frame shows its bytes.
"""

import msgspec

WINDOW_BYTES = 256 * 1024
CHUNK_BYTES = 32 * 1024  # of one frame: reports and heartbeats go in between


class ExecStart(msgspec.Struct, frozen=True, kw_only=True, tag="exec-start"):
    """Run a command in a container, on a terminal."""

    session_id: str
    task_id: str
    container: str
    command: str  # as the user wrote it
    columns: int
    rows: int


class ExecResize(msgspec.Struct, frozen=True, kw_only=True, tag="exec-resize"):
    """The user's terminal has another size."""

    session_id: str
    columns: int
    rows: int


class ExecBytes(msgspec.Struct, frozen=True, tag="exec-bytes"):
    """Down: what was typed. Up: what was written."""

    session_id: str
    data: bytes

    def __repr__(self) -> str:
        return f"ExecBytes({self.session_id!r}, {len(self.data)} bytes)"


class ExecTaken(msgspec.Struct, frozen=True, tag="exec-taken"):
    """So many more bytes were passed on."""

    session_id: str
    count: int


class ExecStop(msgspec.Struct, frozen=True, tag="exec-stop"):
    """Nobody wants it any more: the process is to go."""

    session_id: str


class ExecEnded(msgspec.Struct, frozen=True, kw_only=True, tag="exec-ended"):
    """The process has ended, or could not be run and why."""

    session_id: str
    exit_code: int | None = None
    error: str = ""


ExecDownward = ExecStart | ExecResize | ExecBytes | ExecTaken | ExecStop
ExecUpward = ExecBytes | ExecTaken | ExecEnded
