"""`bastide efs map|list|unmap`: which folder or NFS server stands for an EFS file system on this host."""

import argparse
from pathlib import Path

from bastide.cli.commands import Command, say, settings_parser
from bastide.cli.operator.told import tell_audit_log
from bastide.config import Settings
from bastide.host.volumes.efs import read_file_systems, save_file_systems
from bastide.model.faults import NotFound
from bastide.model.file_systems import (
    FileSystem,
    check_file_system_id,
    parse_access_point,
    parse_source,
    render_access_point,
)


def efs(settings: Settings, args: argparse.Namespace) -> int:
    """Do what the second word says. Tasks that run keep what they have mounted."""
    code: int = args.act(settings, args)
    return code


def map_file_system(settings: Settings, args: argparse.Namespace) -> int:
    """From now on tasks that mount this file system get that folder."""
    identity, source = check_file_system_id(args.id), parse_source(args.source)
    system = FileSystem(source=source, access_points=dict(map(parse_access_point, args.access_point)))
    if system.nfs is None and not Path(source).is_dir():
        raise NotFound("folder", source, why=f"There is no folder {source}.")
    systems = read_file_systems(settings.efs_file)
    save_file_systems(settings.efs_file, systems | {identity: system})
    tell_audit_log(settings, "MapFileSystem", fileSystemId=identity, source=source)
    say(f"{identity} is {source}")
    return 0


def list_file_systems(settings: Settings, args: argparse.Namespace) -> int:
    """One line a file system and one an access point."""
    systems = read_file_systems(settings.efs_file)
    for identity, system in sorted(systems.items()):
        say(f"{identity}  {system.source}")
        for name, point in sorted(system.access_points.items()):
            say(f"  {render_access_point(name, point)}")
    if not systems:
        say("No file systems yet. Type: bastide efs map fs-12345678 FOLDER")
    return 0


def unmap_file_system(settings: Settings, args: argparse.Namespace) -> int:
    """No new task gets it; the folder and what is in it stay."""
    systems = read_file_systems(settings.efs_file)
    if args.id not in systems:
        why = f"{args.id} is not mapped. What is: bastide efs list"
        raise NotFound("file system", args.id, why=why)
    del systems[args.id]
    save_file_systems(settings.efs_file, systems)
    tell_audit_log(settings, "UnmapFileSystem", fileSystemId=args.id)
    say(f"{args.id} is no longer mapped")
    return 0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(metavar="map|list|unmap", required=True)
    settings = settings_parser(argparse.SUPPRESS)
    word = words.add_parser("map", parents=[settings], help="say what stands for a file system")
    word.add_argument("id", help="as in a task definition's efsVolumeConfiguration: fs-12345678")
    word.add_argument("source", help="a folder of this host, or nfs://server/export")
    word.add_argument(
        "--access-point",
        action="append",
        default=[],
        metavar="FSAP=PATH[,UID,GID]",
        help="a folder of it that can be mounted by this id; made with that owner if missing; repeatable",
    )
    word.set_defaults(act=map_file_system)
    word = words.add_parser("list", parents=[settings], help="what is mapped")
    word.set_defaults(act=list_file_systems)
    word = words.add_parser("unmap", parents=[settings], help="tasks that run keep it, its files stay")
    word.add_argument("id")
    word.set_defaults(act=unmap_file_system)


COMMANDS = (Command("efs", "EFS file systems for tasks: map, list, unmap", efs, _add_arguments),)
