"""`bastide publish`: a port of this host for machines that have no route to the public addresses."""

import argparse
import socket
from ipaddress import IPv4Address

from bastide.cli.commands import Command, say
from bastide.cli.operator.told import tell_audit_log
from bastide.config import Settings
from bastide.model.faults import Conflict, Invalid, NotFound
from bastide.model.network import host_address, public_pool
from bastide.model.network.publication import HostPort, Publication, parse_host_port, parse_target


def publish(settings: Settings, args: argparse.Namespace) -> int:
    """Publish, take back, or list. The agent acts on it within a second, and at every start."""
    if args.remove:
        return _remove(settings, parse_host_port(args.remove))
    if args.port and args.target:
        return _add(settings, parse_host_port(args.port), *parse_target(args.target))
    if args.port:
        raise Invalid("address", why=f"Where to? bastide publish {args.port} ADDRESS:PORT")
    return _list(settings)


def _add(settings: Settings, host: HostPort, address: str, port: int) -> int:
    from bastide.host.network.publications import read_publications, save_publications

    pool = public_pool(settings.instance, settings.public_pool)
    if IPv4Address(address) not in pool or IPv4Address(address) == host_address(pool):
        why = f"{address} is no public address of a task: those are of {pool} (describe-network-interfaces)."
        raise Invalid("address", address, why=why)
    published = read_publications(settings.published_file)
    others = [one for one in published if one.host != host]
    if len(others) == len(published):
        _check_unused(host)
    added = Publication(host, address, port)
    save_publications(settings.published_file, [*others, added])
    tell_audit_log(settings, "Publish", publication=str(added))
    say(str(added))
    return 0


def _remove(settings: Settings, host: HostPort) -> int:
    from bastide.host.network.publications import read_publications, save_publications

    published = read_publications(settings.published_file)
    left = [one for one in published if one.host != host]
    if len(left) == len(published):
        raise NotFound("port", str(host), why=f"{host} is not published. What is: bastide publish")
    save_publications(settings.published_file, left)
    tell_audit_log(settings, "Unpublish", port=str(host))
    say(f"{host} is no longer published")
    return 0


def _list(settings: Settings) -> int:
    from bastide.host.network.publications import read_publications

    published = read_publications(settings.published_file)
    for one in published:
        say(str(one))
    if not published:
        say("No port is published. Type: bastide publish PORT ADDRESS:PORT")
    return 0


def _check_unused(host: HostPort) -> None:
    """A program of this host that listens there would no longer be heard."""
    kind = socket.SOCK_STREAM if host.protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", host.port))
        except OSError as error:
            why = f"Port {host} is used by a program of this host ({error.strerror}). Choose another."
            raise Conflict("port", str(host), why=why) from error


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("port", nargs="?", help="port of this host: 8080, or 8080/udp; without any: a list")
    parser.add_argument("target", nargs="?", metavar="address:port", help="a task's public address and port")
    parser.add_argument("--remove", metavar="PORT", help="take it back")


COMMANDS = (Command("publish", "a port of this host for a task's public address", publish, _add_arguments),)
