"""Our own endpoint for hosts: assignments out, reports and log lines in."""

from bastide.api.agents.server import Agents

__all__ = ["Agents"]
