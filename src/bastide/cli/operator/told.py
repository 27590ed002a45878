"""What commands of the host's operator tell the audit log that do not go through the server."""

import getpass
import os
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from bastide.config import Settings


def tell_audit_log(settings: Settings, name: str, **parameters: Any) -> None:
    """Something was done on this host; on disk when this returns. Nothing where there never was a server."""
    from bastide.api.audit.identities import operator  # with all of the API, heavy
    from bastide.api.audit.trail import OPERATOR, Event, event_record
    from bastide.api.operation import Origin
    from bastide.store.audit.records import TIME_FORMAT, render_record
    from bastide.store.audit.segments import append_once

    if not settings.audit_folder.is_dir():
        return
    event = Event(
        source=OPERATOR,
        name=name,
        is_read_only=False,
        identity=operator(int(os.environ.get("SUDO_UID") or os.getuid())) | {"userName": _typed_by()},
        region=settings.region,
        origin=Origin(address="localhost", user_agent="bastide"),
        parameters=parameters or None,
    )
    record = event_record(event, account=settings.account)
    record.event_id = str(uuid4())
    record.time = datetime.now(UTC).strftime(TIME_FORMAT)
    append_once(settings.audit_folder, render_record(record))


def _typed_by() -> str:
    """Who typed it, as far as sudo says."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
