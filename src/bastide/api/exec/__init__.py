"""ECS Exec: the call that begins a session, Session Manager's calls about it, and the stream it goes over."""

from bastide.api.exec.streams import STREAM_PATH, ExecStreams

__all__ = ["STREAM_PATH", "ExecStreams"]
