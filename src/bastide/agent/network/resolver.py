"""What runs as a VPC's resolver: `python -m bastide.agent.network.resolver START`.

Composition root of that process: opens its files, gives up root, answers. Imports
little, as there is one such process a VPC.
"""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from bastide.host.confined.confinement import drop_privileges
from bastide.host.confined.start import inherited_sockets, parse_start
from bastide.host.resolver.forwarding import forward, parse_resolv_conf
from bastide.host.resolver.messages import Query
from bastide.host.resolver.server import Server
from bastide.host.resolver.start import ResolverStart
from bastide.host.resolver.watched import WatchedFile
from bastide.model.network.names import Resolution, VpcNames
from bastide.plan.resolution import resolve


def main() -> None:
    """Serve until killed."""
    start = parse_start(sys.argv[1], ResolverStart)
    sockets = inherited_sockets()
    server = make_server(start.names_file, start.resolv_conf)
    drop_privileges()
    asyncio.run(server.serve(sockets))


def make_server(names_file: Path, resolv_conf: Path) -> Server:
    """One that knows what the files say at any moment. Raises when the names cannot be read now."""
    decoder = msgspec.json.Decoder(VpcNames)
    names = WatchedFile(names_file, decoder.decode, default=decoder.decode(names_file.read_bytes()))
    servers: WatchedFile[tuple[str, ...]] = WatchedFile(resolv_conf, parse_resolv_conf, default=())

    def resolve_here(name: str, kind: int) -> Resolution:
        return resolve(names.read(), name, kind)

    async def send_on(query: Query, wire: bytes, over_tcp: bool) -> bytes | None:
        return await forward(query, wire, servers.read(), over_tcp=over_tcp)

    return Server(resolve_here, send_on)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main()
