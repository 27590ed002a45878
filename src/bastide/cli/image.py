"""`bastide image import|list|prune|remove` and `bastide pull`: the images of this host."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import TextIO

from bastide.cli.commands import Command, say, settings_parser
from bastide.cli.processes.services import CONTAINERD
from bastide.config import Settings
from bastide.host.ports import Credentials, ImageConfig, Images
from bastide.model.container.image_name import parse_image_name
from bastide.model.faults import NotFound, Unavailable
from bastide.model.messages.asked import LOG_IN, LoginAsked
from bastide.model.registry.host_name import parse_registry_host

MIB = 1024 * 1024
DIGEST_CHARS = 19  # sha256: and twelve digits, as docker shows them


def image(settings: Settings, args: argparse.Namespace) -> int:
    """Do what the second word says. Raises Unavailable when there is no containerd to ask."""
    if not CONTAINERD.answers(settings):
        why = f"The containerd of {settings.instance} keeps the images and does not answer. Type: bastide up"
        raise Unavailable("containerd", why=why)
    asyncio.run(_with_images(settings, args.act, args))
    return 0


async def import_images(images: Images, args: argparse.Namespace) -> None:
    """A docker-archive or OCI archive; prints what came of it, and shows how far it is on a terminal."""
    path: Path = args.file
    if not path.is_file():
        raise NotFound(
            "file", str(path), why=f"{path} is no file." if path.exists() else f"There is no file {path}."
        )
    for name in await images.import_archive(path, progress=ProgressLine(sys.stderr).show, name=args.name):
        say(f"imported {name}")


async def pull_image(images: Images, args: argparse.Namespace) -> None:
    """From its registry, as a task would; shows how far it is on a terminal."""
    found = await images.ensure_image(
        args.name, credentials=args.credentials, progress=ProgressLine(sys.stderr).show
    )
    how = "was imported here and is used as it is" if found.used_at is None else "is here"
    say(f"{args.name} {how}: {found.digest}")


async def list_images(images: Images, args: argparse.Namespace) -> None:
    """One line an image: what it is called, its size in the registry, when a task last asked for it."""
    found = await images.read_images()
    width = max((len(_shown(one)) for one in found), default=0)
    for one in found:
        size, used = f"{one.size_bytes / MIB:8.1f} MiB", _when(one.used_at)
        say(f"{_shown(one):<{width}}  {one.digest[:DIGEST_CHARS]}  {size}  {used}")
    if not found:
        say("No images yet. Type: bastide image import FILE")


async def prune_images(images: Images, args: argparse.Namespace) -> None:
    """Every pulled image that no task uses; a registry has it still."""
    from bastide.agent.images import prune

    gone = await prune(images, budget_bytes=0, now=datetime.now(UTC))
    for name in gone:
        say(f"removed {name}")
    if not gone:
        say("Nothing to remove: tasks use all pulled images, or asked for them within the last two minutes")


async def remove_image(images: Images, args: argparse.Namespace) -> None:
    """By any spelling Docker takes."""
    try:
        await images.remove_image(args.name)
    except NotFound as error:
        why = f"There is no image {args.name}. What there is: bastide image list"
        raise NotFound("image", args.name, why=why) from error
    say(f"removed {args.name}")


def _credentials(settings: Settings, args: argparse.Namespace) -> Credentials | None:
    """Those that are typed; for the installation's own ECR the server gives some."""
    if args.username is not None:
        password = sys.stdin.readline().rstrip("\n") if not sys.stdin.isatty() else getpass("Password: ")
        return Credentials(args.username, password)
    registry = parse_image_name(args.name).registry
    if parse_registry_host(registry, settings.registry_domain) is None:
        return None
    from bastide.cli.operator.client import ask

    login = ask(settings, LOG_IN, LoginAsked(registry=registry))
    return Credentials(login.username, login.password)


def _shown(image: ImageConfig) -> str:
    """A pulled image by the tag it was asked for."""
    return f"{image.reference.partition('@')[0]}:{image.tag}" if image.tag else image.reference


def _when(used_at: datetime | None) -> str:
    return "imported" if used_at is None else f"used {used_at.astimezone():%Y-%m-%d %H:%M}"


async def _with_images(
    settings: Settings, act: Callable[[Images, argparse.Namespace], Awaitable[None]], args: argparse.Namespace
) -> None:
    from bastide.cli.host import open_host  # heavy

    async with open_host(settings) as host:
        await act(host.images, args)


class ProgressLine:
    """One line of a terminal that is written over; nothing where no terminal reads it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._ended: set[str] = set()

    def show(self, what: str, done: int, total: int) -> None:
        """How far it is; at its end the line stays."""
        if not self._stream.isatty() or what in self._ended:
            return
        part = f" of {total / MIB:.1f}" if total else ""
        print(f"\r\033[K{what}: {done / MIB:.1f}{part} MiB", end="", file=self._stream, flush=True)
        if total and done >= total:
            self._ended.add(what)
            print(file=self._stream)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(metavar="import|list|prune|remove", required=True)
    settings = settings_parser(argparse.SUPPRESS)
    word = words.add_parser("import", parents=[settings], help="take in a docker-archive or OCI archive")
    word.add_argument("file", type=Path, help="made by docker save, skopeo copy, buildah push …")
    word.add_argument("--name", help="what to call the image, where the archive does not say")
    word.set_defaults(act=import_images)
    word = words.add_parser("list", parents=[settings], help="what tasks can run")
    word.set_defaults(act=list_images)
    word = words.add_parser("prune", parents=[settings], help="remove pulled images that no task uses")
    word.set_defaults(act=prune_images)
    word = words.add_parser("remove", parents=[settings], help="tasks that run keep what they need of it")
    word.add_argument("name")
    word.set_defaults(act=remove_image)


def pull(settings: Settings, args: argparse.Namespace) -> int:
    """`bastide pull IMAGE`."""
    args.act, args.credentials = pull_image, _credentials(settings, args)
    return image(settings, args)


def _add_pull_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="IMAGE", help="by any spelling Docker takes")
    parser.add_argument(
        "--username", help="for a registry of others that asks; the password is read from the input"
    )


COMMANDS = (
    Command("image", "images that tasks can run: import, list, prune, remove", image, _add_arguments),
    Command("pull", "fetch an image from its registry before a task needs it", pull, _add_pull_arguments),
)
