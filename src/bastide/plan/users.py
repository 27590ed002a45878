"""Who a container runs as: `user`, `uid`, `user:group` … against the image's own passwd and group files.

The texts were read from the image by the host; they are the image's, so every line may be nonsense and is
then passed over. The rules are Docker's: the first entry that matches by name or by number wins, a number
needs no entry, a name does.
"""

from collections.abc import Iterator

import msgspec

from bastide.model.faults import Invalid

ID_MAX = 2**31 - 1  # beyond it Docker refuses a numeric id
NO_HOME = "/"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the first process starts as."""

    uid: int
    gid: int
    groups: tuple[int, ...]  # supplementary, the primary one first
    home: str


class _Entry(msgspec.Struct, frozen=True):
    """One line of passwd (with gid and home) or of group (with members)."""

    name: str
    id: int
    gid: int = 0
    home: str = ""
    members: tuple[str, ...] = ()


def resolve_account(user: str, *, passwd: str, group: str) -> Account:
    """The account a container's `user` stands for; Invalid, in Docker's words, when there is none."""
    asked_user, _, asked_group = user.partition(":")
    asked_user = asked_user or "0"
    entry = _first(_passwd_entries(passwd), asked_user)
    if entry is None:
        uid = _numeric(asked_user)
        if uid is None:
            why = f"unable to find user {asked_user}: no matching entries in passwd file"
            raise Invalid("user", user, why=why)
        entry = _Entry(name="", id=uid)
    groups = list(_group_entries(group))
    if asked_group:
        gid, others = _asked_gid(asked_group, groups), []
    else:
        gid = entry.gid
        others = [found.id for found in groups if entry.name and entry.name in found.members]
    ordered = dict.fromkeys([gid, *others])
    return Account(uid=entry.id, gid=gid, groups=tuple(ordered), home=entry.home or NO_HOME)


def _asked_gid(asked: str, groups: list[_Entry]) -> int:
    found = _first(iter(groups), asked)
    if found is not None:
        return found.id
    gid = _numeric(asked)
    if gid is None:
        why = f"unable to find group {asked}: no matching entries in group file"
        raise Invalid("user", asked, why=why)
    return gid


def _first(entries: Iterator[_Entry], asked: str) -> _Entry | None:
    number = _numeric(asked)
    return next((entry for entry in entries if entry.name == asked or entry.id == number), None)


def _numeric(text: str) -> int | None:
    if not text.isascii() or not text.isdigit():
        return None
    return int(text) if len(text) <= 10 and int(text) <= ID_MAX else None


def _passwd_entries(text: str) -> Iterator[_Entry]:
    for fields in _lines(text):
        if len(fields) >= 4 and (uid := _numeric(fields[2])) is not None:
            gid = _numeric(fields[3])
            home = fields[5] if len(fields) > 5 else ""
            yield _Entry(name=fields[0], id=uid, gid=gid or 0, home=home)


def _group_entries(text: str) -> Iterator[_Entry]:
    for fields in _lines(text):
        if len(fields) >= 3 and (gid := _numeric(fields[2])) is not None:
            members = fields[3].split(",") if len(fields) > 3 else ()
            yield _Entry(name=fields[0], id=gid, members=tuple(members))


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        bare = line.strip()
        if bare and not bare.startswith("#"):
            yield bare.split(":")
