"""What stands for an EFS file system on this host: a folder of it or an export of an NFS server.

The operator says so with `bastide efs map`; the words typed there are parsed here, and nothing is opened.
"""

import posixpath
import re
from pathlib import PurePosixPath

import msgspec

from bastide.model.faults import Invalid

NFS_SCHEME = "nfs://"
ID_MAX = 2**32 - 2  # the largest user or group id; the one above it means "leave as it is"
_FILE_SYSTEM = re.compile(r"fs-[0-9a-f]{8,40}")
_ACCESS_POINT = re.compile(r"(fsap-[0-9a-f]{8,40})=(/[^,]*)(?:,([0-9]{1,10}),([0-9]{1,10}))?")
_NFS = re.compile(r"nfs://([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(/.*)")


class AccessPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of the file system that is a root of its own; made, with this owner, when it is missing."""

    path: str
    uid: int = 0
    gid: int = 0


class FileSystem(msgspec.Struct, frozen=True, kw_only=True):
    """One of them."""

    source: str  # an absolute path of this host, or nfs://server/export
    access_points: dict[str, AccessPoint] = {}

    @property
    def nfs(self) -> str | None:
        """The export as mount.nfs4 takes it, `server:/export`; None for a folder of this host."""
        found = _NFS.fullmatch(self.source)
        return f"{found[1]}:{found[2]}" if found else None


def check_file_system_id(text: str) -> str:
    """The text, if it is one."""
    if not _FILE_SYSTEM.fullmatch(text):
        raise Invalid("file system", text, why=f"`{text}` is no file system id; one looks like fs-12345678.")
    return text


def parse_source(text: str) -> str:
    """Where the content is, without anything superfluous in its path."""
    if text.startswith(NFS_SCHEME):
        if not _NFS.fullmatch(text) or ".." in PurePosixPath(text).parts:
            raise Invalid("source", text, why=f"`{text}` is no export; one looks like nfs://server/export.")
        return text
    if not text.startswith("/"):
        raise Invalid("source", text, why=f"`{text}` must be an absolute path or nfs://server/export.")
    return posixpath.normpath(text)


def parse_access_point(text: str) -> tuple[str, AccessPoint]:
    """`fsap-…=path[,uid,gid]` as typed: its id, and what it is."""
    found = _ACCESS_POINT.fullmatch(text)
    if found is None or ".." in PurePosixPath(found[2]).parts:
        why = f"`{text}` is no access point; one looks like fsap-12345678=/path,1000,1000."
        raise Invalid("access point", text, why=why)
    uid, gid = int(found[3] or 0), int(found[4] or 0)
    if max(uid, gid) > ID_MAX:
        raise Invalid("access point", text, why=f"`{text}` has an owner above {ID_MAX}.")
    return found[1], AccessPoint(path=found[2], uid=uid, gid=gid)


def render_access_point(name: str, point: AccessPoint) -> str:
    """What `parse_access_point` reads."""
    return f"{name}={point.path},{point.uid},{point.gid}"
