"""What was shown in a session, kept until its end and then stored where the cluster's configuration says.

`executeCommandConfiguration`: NONE nowhere, DEFAULT (also without any) in the container's awslogs group,
OVERRIDE in a log group, a bucket, or both. The log stream and the object are named by the session. Kept in a
file without a name, so that a session's size costs no memory and a crash leaves nothing.
"""

import logging
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from bastide.api.logs.groups import epoch_ms
from bastide.api.logs.lines import BATCH_MAX_BYTES, cut_lines, open_stream
from bastide.api.operation import Caller, Context, Document
from bastide.api.s3.objects import put_object
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.arn import parse_arn
from bastide.model.assignment import LogLine, LogTarget
from bastide.model.faults import Fault
from bastide.store import Batch, Record, Store, Txn
from bastide.store.logs.ids import group_id, stream_id

MEMORY_BYTES = 256 * 1024  # beyond it, in the file
TRANSCRIPT_MAX_BYTES = 60 * 1024 * 1024  # an object of the S3-like store has 64 MiB at most
LINES_AT_ONCE = 5000
CUT = b"\r\n[The rest of the session was too long to be kept.]\r\n"

log = logging.getLogger(__name__)


class Destination(msgspec.Struct, frozen=True):
    """Where to; a bucket's key begins with `prefix`."""

    group: str = ""
    region: str = ""
    bucket: str = ""
    prefix: str = ""


def read_destination(txn: Txn, session: Record) -> Destination | None:
    """Where a session's transcript goes; None: nowhere."""
    task = txn.get("task", session.parent)
    cluster = txn.get("cluster", task.parent) if task else None
    if task is None or cluster is None:
        return None
    asked = cluster.document.get("configuration", {}).get("executeCommandConfiguration", {})
    match asked.get("logging", "DEFAULT"):
        case "OVERRIDE":
            chosen = asked["logConfiguration"]
            found = Destination(
                group=chosen.get("cloudWatchLogGroupName", ""),
                region=session.scope.split("/")[1],
                bucket=chosen.get("s3BucketName", ""),
                prefix=chosen.get("s3KeyPrefix", ""),
            )
        case "DEFAULT":
            found = _of_container(txn, task, session)
        case _:
            return None
    return found if found.group or found.bucket else None


class Transcript:
    """One session's; `add` is quick, `store` is not."""

    def __init__(self, session: Record, destination: Destination, folder: Path) -> None:
        self._session = session
        self._destination = destination
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 -- `store` closes it
            max_size=MEMORY_BYTES, dir=str(folder)
        )
        self._size = 0

    def add(self, data: bytes) -> None:
        """Something was shown."""
        if self._size >= TRANSCRIPT_MAX_BYTES:
            return
        self._size += len(data)
        self._file.write(data if self._size < TRANSCRIPT_MAX_BYTES else CUT)

    async def store(self, store: Store, settings: Settings, vault: Vault) -> None:
        """Put it where it belongs; what cannot be stored is logged and given up, as AWS does."""
        with self._file:
            if not self._size:
                return
            self._file.seek(0)
            for where, put in (("group", self._put_lines), ("bucket", self._put_object)):
                if not getattr(self._destination, where):
                    continue
                try:
                    self._file.seek(0)
                    await put(store, settings, vault)
                except Fault as fault:
                    told = {"session": self._session.key, "to": where, "why": str(fault)}
                    log.warning("a session's transcript was not stored", extra=told)

    async def _put_lines(self, store: Store, settings: Settings, vault: Vault) -> None:
        now = datetime.now(UTC)
        target = LogTarget(
            group=self._destination.group, stream=self._session.key, region=self._destination.region
        )
        group, stream = await store.update(lambda txn: open_stream(txn, self._session.scope, target, now))
        number = 0
        while lines := self._file.readlines(BATCH_MAX_BYTES // 2):
            texts = (line.rstrip(b"\r\n").decode(errors="replace") for line in lines)
            cut = cut_lines([LogLine(epoch_ms(now), text) for text in texts])
            for first in range(0, len(cut), LINES_AT_ONCE):
                await store.logs.append(
                    Batch(
                        group=group_id(group),
                        stream=stream.name,
                        stream_id=stream_id(stream),
                        lines=cut[first : first + LINES_AT_ONCE],
                        ingestion_ms=epoch_ms(now),
                        source=f"exec/{self._session.key}",
                        sequence=number,
                    )
                )
                number += 1

    async def _put_object(self, store: Store, settings: Settings, vault: Vault) -> None:
        account, region = self._session.scope.split("/")
        owner = self._session.document["session"]["Owner"]
        caller = Caller(account=account, region=region, principal_arn=owner, user_id=account)
        ctx = Context(
            caller=caller,
            now=datetime.now(UTC),
            request_id=self._session.key,
            settings=settings,
            vault=vault,
        )
        prefix = f"{self._destination.prefix.rstrip('/')}/" if self._destination.prefix else ""
        key = f"{prefix}{self._session.key}.log"
        body = self._file.read()
        await put_object(store, ctx, {"Bucket": self._destination.bucket, "Key": key, "Body": body})


def _of_container(txn: Txn, task: Record, session: Record) -> Destination:
    definition = txn.get("task-definition", task.document["task"]["taskDefinitionArn"])
    containers: list[Document] = (
        definition.document["taskDefinition"]["containerDefinitions"] if definition else []
    )
    for container in containers:
        logging_of_it = container.get("logConfiguration", {})
        if container["name"] == session.document["container"] and logging_of_it.get("logDriver") == "awslogs":
            options = logging_of_it.get("options", {})
            arn = parse_arn(task.key)
            region = options.get("awslogs-region") or (arn.region if arn else "")
            return Destination(group=options.get("awslogs-group", ""), region=region)
    return Destination()
