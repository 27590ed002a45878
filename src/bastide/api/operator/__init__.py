"""What the installation's operator asks of the server, over a unix socket of this host."""

from bastide.api.operator.server import Operators

__all__ = ["Operators"]
