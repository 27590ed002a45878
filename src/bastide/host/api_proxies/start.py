"""What an API proxy's process is told by whoever starts it."""

from pathlib import Path

from bastide.host.confined.start import Start


class ProxyStart(Start, frozen=True, kw_only=True):
    """Its one argument."""

    server_socket: Path
    vpc_id: str
    endpoint_id: str = ""
