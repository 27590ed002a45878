"""Where the server's parts tell what was done, and by whom. Used from the event loop."""

from uuid import uuid4

import msgspec

from bastide.api.audit.calls import record_of
from bastide.api.audit.identities import identity_of, nobody
from bastide.api.exchange import Exchange
from bastide.api.guessing import Guessing
from bastide.api.operation import Caller, Document, Origin
from bastide.config import Settings
from bastide.store.audit.audit_log import AuditLog
from bastide.store.audit.records import MESSAGE_MAX_CHARS, Record
from bastide.store.audit.segments import Retention
from bastide.wire.http import Request, WireError

MIB = 1024**2
OPERATOR = "operator.bastide"
SERVICE_EVENT = "AwsServiceEvent"


class Event(msgspec.Struct, kw_only=True):
    """Something that was done otherwise than by a call to the API."""

    source: str
    name: str
    is_read_only: bool
    caller: Caller | None = None
    identity: Document | None = None  # where it is nobody who signed
    region: str = ""
    origin: Origin = Origin()
    error: tuple[str, str] | None = None  # code and message
    parameters: Document | None = None
    resources: list[Document] = []
    request_id: str = ""
    kind: str = "AwsApiCall"


class Trail:
    """The audit log in the words of the API, and who was refused too often of late."""

    def __init__(self, audit_log: AuditLog, *, account: str) -> None:
        self._log = audit_log
        self._account = account
        self.ready = audit_log.ready
        self.flush = audit_log.flush
        self.close = audit_log.close
        self.guessing = Guessing()

    async def note_call(self, exchange: Exchange, request: Request, error: WireError | None) -> None:
        """Tell of a call; of one that changes something, return when that is kept. Raises Unavailable."""
        await self._keep(record_of(exchange, request, error, account=self._account))

    def note_refused(self, exchange: Exchange, request: Request, error: WireError) -> None:
        """Tell of a request that was not even read."""
        self._log.note(record_of(exchange, request, error, account=self._account))

    async def note(self, event: Event) -> None:
        """Tell of something else, in the same way."""
        await self._keep(event_record(event, account=self._account))

    async def _keep(self, record: Record) -> None:
        if record.is_read_only or record.error_code is not msgspec.UNSET:
            self._log.note(record)
        else:
            await self._log.keep(record)


def event_record(event: Event, *, account: str) -> Record:
    """The record of an event."""
    identity = event.identity or nobody()
    if event.caller is not None:
        identity = identity_of(event.caller)
    code, message = event.error or (msgspec.UNSET, msgspec.UNSET)
    return Record(
        identity=identity,
        source=event.source,
        name=event.name,
        region=event.region,
        address=event.origin.address,
        user_agent=event.origin.user_agent[:MESSAGE_MAX_CHARS],
        error_code=code,
        error_message=message,
        parameters=event.parameters,
        request_id=event.request_id or str(uuid4()),
        is_read_only=event.is_read_only,
        resources=event.resources or msgspec.UNSET,
        kind=event.kind,
        account=event.caller.account if event.caller else account,
    )


def open_trail(settings: Settings) -> Trail:
    """The installation's. Preconditions: an event loop runs."""
    retention = Retention(settings.audit_retention_days, settings.audit_mib_max * MIB)
    required = settings.audit_required
    found = AuditLog(settings.audit_folder, retention=retention, is_required=required)
    return Trail(found, account=settings.account)
