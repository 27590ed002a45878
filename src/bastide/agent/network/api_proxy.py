"""What runs as an API proxy inside a VPC: `python -m bastide.agent.network.api_proxy START`.

Composition root of that process: finds the server's folder, gives up root, passes connections on. Imports
little, as there is one such process a VPC.
"""

import asyncio
import os
import signal
import sys
from functools import partial

from bastide.host.api_proxies.forwarding import Forwarder
from bastide.host.api_proxies.start import ProxyStart
from bastide.host.confined.confinement import drop_privileges
from bastide.host.confined.start import inherited_sockets, parse_start


def main() -> None:
    """Serve until killed."""
    start = parse_start(sys.argv[1], ProxyStart)
    # Only root and the server's user may walk to that folder; who is in it already need not.
    os.chdir(start.server_socket.parent)
    connect = partial(asyncio.open_unix_connection, start.server_socket.name)
    forwarder = Forwarder(connect, vpc_id=start.vpc_id, endpoint_id=start.endpoint_id)
    sockets = inherited_sockets()
    drop_privileges()
    asyncio.run(forwarder.serve(sockets))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main()
