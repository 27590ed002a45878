"""The record of an exec session: who began it, where and when, and the token its client shows.

`state` is Active or History as DescribeSessions has it, `status` the word within. Of a token only its digest
is kept; it is good for one connection and a minute, ResumeSession gives the next one.
"""

import hashlib
import hmac
import secrets
from typing import Any

from bastide.api.operation import Context, Document
from bastide.config import Settings
from bastide.model.arn import last_of
from bastide.store.records import Record

EXEC_SESSION = "exec-session"
ACTIVE, HISTORY = "Active", "History"
CONNECTING, CONNECTED, DISCONNECTED = "Connecting", "Connected", "Disconnected"
TERMINATED, FAILED = "Terminated", "Failed"
TOKEN_LIFE_S = 60.0
HISTORY_S = 30 * 24 * 3600.0  # Session Manager's own
DOCUMENT_NAME = "AmazonECS-ExecuteInteractiveCommand"
_ID_BYTES = 9
_ID_CHARS = 17
_TOKEN_BYTES = 96


def new_session(ctx: Context, task: Record, container: Document, command: str) -> Record:
    """A session nobody is connected to."""
    session_id = f"ecs-execute-command-{secrets.token_hex(_ID_BYTES)[:_ID_CHARS]}"
    cluster = last_of(task.document["task"]["clusterArn"])
    document = {
        "session": {
            "SessionId": session_id,
            "Target": f"ecs:{cluster}_{last_of(task.key)}_{container['runtimeId']}",
            "StartDate": ctx.now_s,
            "DocumentName": DOCUMENT_NAME,
            "Owner": ctx.caller.principal_arn,
            "AccessType": "Standard",
        },
        "container": container["name"],
        "command": command,
        "host": task.document["host"],
    }
    return Record(
        EXEC_SESSION,
        session_id,
        ctx.scope,
        document,
        parent=task.key,
        name=f"{ctx.now_s:015.3f}",
        status=CONNECTING,
        state=ACTIVE,
    )


def with_token(record: Record, *, now_s: float) -> tuple[Record, str]:
    """The record with a fresh token in place of any other, and the token."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    document = {**record.document, "token": _digest(token), "tokenEndsAt": now_s + TOKEN_LIFE_S}
    return record.changed(document=document), token


def is_token(record: Record, token: str, *, now_s: float) -> bool:
    """Whether it is the record's, and still good."""
    kept = record.document.get("token")
    return (
        isinstance(kept, str)
        and hmac.compare_digest(kept, _digest(token))
        and now_s <= record.document["tokenEndsAt"]
    )


def connected(record: Record) -> Record:
    """Its client is there; the token is used up."""
    document = {name: value for name, value in record.document.items() if name != "token"}
    return record.changed(document=document, status=CONNECTED)


def ended(record: Record, *, now_s: float, details: str = "", status: str = TERMINATED) -> Record:
    """It is over."""
    session = {**record.document["session"], "EndDate": now_s}
    if details:
        session["Details"] = details[:1024]
    document = {**record.document, "session": session}
    document.pop("token", None)
    return record.changed(document=document, status=status, state=HISTORY)


def render_session(record: Record) -> Document:
    """As DescribeSessions shows it."""
    return {**record.document["session"], "Status": record.status}


def stream_url(settings: Settings, session_id: str, region: str) -> str:
    """Where the client's WebSocket is to go."""
    base = settings.stream_endpoint.replace("{region}", region)
    base = base or settings.endpoint.replace("http", "ws", 1)
    return f"{base.rstrip('/')}/v1/data-channel/{session_id}?role=publish_subscribe"


def rendered_start(ctx: Context, record: Record, token: str) -> dict[str, Any]:
    """What a client needs to connect, under the names both APIs use but for their first letter."""
    return {
        "SessionId": record.key,
        "StreamUrl": stream_url(ctx.settings, record.key, ctx.caller.region),
        "TokenValue": token,
    }


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
