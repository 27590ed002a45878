"""Exec sessions on this host: a process on a terminal each, carried over the agent's own session."""

from bastide.agent.exec.sessions import Execs

__all__ = ["Execs"]
