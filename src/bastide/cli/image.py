"""`bastide image import|list|remove`: what tasks may run without a registry."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from bastide.cli.commands import Command, say, settings_parser
from bastide.cli.processes.services import CONTAINERD
from bastide.config import Settings
from bastide.host.ports import Images, Progress
from bastide.model.faults import NotFound, Unavailable

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
    for name in await images.import_archive(path, progress=_progress(), name=args.name):
        say(f"imported {name}")


async def list_images(images: Images, args: argparse.Namespace) -> None:
    """One line an image."""
    found = await images.read_images()
    width = max((len(one.reference) for one in found), default=0)
    for one in found:
        say(f"{one.reference:<{width}}  {one.digest[:DIGEST_CHARS]}  {one.size_bytes / MIB:8.1f} MiB")
    if not found:
        say("No images yet. Type: bastide image import FILE")


async def remove_image(images: Images, args: argparse.Namespace) -> None:
    """By any spelling Docker takes."""
    try:
        await images.remove_image(args.name)
    except NotFound as error:
        why = f"There is no image {args.name}. What there is: bastide image list"
        raise NotFound("image", args.name, why=why) from error
    say(f"removed {args.name}")


async def _with_images(
    settings: Settings, act: Callable[[Images, argparse.Namespace], Awaitable[None]], args: argparse.Namespace
) -> None:
    from bastide.cli.host import open_host  # heavy

    async with open_host(settings) as host:
        await act(host.images, args)


def _progress() -> Progress:
    """One line that is written over; nothing where no terminal reads it."""
    is_terminal = sys.stderr.isatty()

    def show(what: str, done: int, total: int) -> None:
        if is_terminal:
            part = f" of {total / MIB:.1f}" if total else ""
            print(f"\r\033[K{what}: {done / MIB:.1f}{part} MiB", end="", file=sys.stderr, flush=True)
            if total and done >= total:
                print(file=sys.stderr)

    return show


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(metavar="import|list|remove", required=True)
    settings = settings_parser(argparse.SUPPRESS)
    word = words.add_parser("import", parents=[settings], help="take in a docker-archive or OCI archive")
    word.add_argument("file", type=Path, help="made by docker save, skopeo copy, buildah push …")
    word.add_argument("--name", help="what to call the image, where the archive does not say")
    word.set_defaults(act=import_images)
    word = words.add_parser("list", parents=[settings], help="what tasks can run")
    word.set_defaults(act=list_images)
    word = words.add_parser("remove", parents=[settings], help="tasks that run keep what they need of it")
    word.add_argument("name")
    word.set_defaults(act=remove_image)


COMMANDS = (Command("image", "images that tasks can run: import, list, remove", image, _add_arguments),)
