"""`bastide audit`: who did what, the last records and, with -f, whatever comes. Read from the files.

Works while the server is down, too: that is when one wants to know.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bastide.cli.commands import Command, say
from bastide.cli.operator.text import printable
from bastide.config import Settings
from bastide.model.faults import NotFound

if TYPE_CHECKING:
    from bastide.store.audit.reading import Place
    from bastide.store.audit.records import Record

LAST = 200
POLL_S = 0.2


def audit(settings: Settings, args: argparse.Namespace) -> int:
    """Print them, the oldest first."""
    from bastide.store.audit.reading import Tail  # with all of the store, heavy
    from bastide.store.audit.records import render_record

    if not settings.server_folder.is_dir():
        why = f"There is no instance {settings.instance}: it was never started. Type: bastide up"
        raise NotFound("audit log", settings.instance, why=why)
    fits = _wanted(args)
    tail = Tail(settings.audit_folder) if args.follow else None
    # What comes from here on is the tail's, and nothing is told twice.
    found = read_last(settings.audit_folder, fits, args.lines, before=tail.place if tail else None)
    while True:
        for record in found:
            say(render_record(record).decode().rstrip() if args.json else render_line(record))
        if tail is None:
            return 0
        time.sleep(POLL_S)
        found = [record for record in tail.more() if fits(record)]


def read_last(
    folder: Path, fits: "Callable[[Record], bool]", lines: int, *, before: "Place | None" = None
) -> "list[Record]":
    """The last records that fit, the oldest first."""
    from bastide.store.audit.reading import Selection, read_back

    found: list[Record] = []
    place = before
    while len(found) < lines:
        page, place = read_back(folder, Selection(fits=fits), limit=lines - len(found), before=place)
        found += [one.record for one in page]
        if place is None:
            break
    return found[::-1]


def render_line(record: "Record") -> str:
    """One line: when, who, from where, what, on what, and how it ended."""
    from bastide.api.audit.identities import user_name
    from bastide.api.audit.resources import resource_name

    who = user_name(record.identity) or str(record.identity.get("accessKeyId", "")) or "nobody"
    source = record.source.partition(".")[0]
    told = (
        record.time,
        who,
        record.address,
        f"{source}:{record.name}",
        ", ".join(resource_name(each) for each in record.resources or ()),
        f"{record.error_code}: {record.error_message}" if record.error_code else "",
    )
    return printable("  ".join(part for part in told if part))


def _wanted(args: argparse.Namespace) -> "Callable[[Record], bool]":
    from bastide.api.audit.identities import user_name

    def fits(record: "Record") -> bool:
        return (
            (args.user is None or user_name(record.identity) == args.user)
            and (args.operation is None or record.name.lower() == args.operation.lower())
            and (args.address is None or record.address == args.address)
            and (not args.errors or bool(record.error_code))
            and (not args.writes or not record.is_read_only)
        )

    return fits


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.add_argument("-n", "--lines", type=int, default=LAST, help=f"how many records back ({LAST})")
    parser.add_argument("--user", help="of this user or session alone; root is the admin")
    parser.add_argument("--operation", help="this operation alone, like RunTask")
    parser.add_argument("--address", help="from this address alone")
    parser.add_argument("--errors", action="store_true", help="only what was refused or failed")
    parser.add_argument("--writes", action="store_true", help="only what changes something")
    parser.add_argument("--json", action="store_true", help="each as CloudTrail's record, one a line")


COMMANDS = (Command("audit", "show who did what", audit, _add_arguments),)
