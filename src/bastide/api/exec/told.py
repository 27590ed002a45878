"""What the audit log is told of exec sessions: who got into which container, from where, and how it ended."""

from bastide.api.audit.identities import owner
from bastide.api.audit.resources import resources_in
from bastide.api.audit.trail import SERVICE_EVENT, Event
from bastide.api.operation import Origin
from bastide.store import Record

SOURCE = "ssmmessages.amazonaws.com"
OPEN, END = "OpenDataChannel", "SessionEnded"
REFUSED = ("AccessDeniedException", "The token is not this session's.")


def opening_of(record: Record, origin: Origin) -> Event:
    """A client is there."""
    return Event(
        source=SOURCE,
        name=OPEN,
        is_read_only=False,
        identity=owner(record.document["session"]["Owner"]),
        region=record.scope.partition("/")[2],
        origin=origin,
        parameters={
            "sessionId": record.key,
            "container": record.document["container"],
            "command": record.document["command"],
        },
        resources=resources_in("ecs", {"task": record.parent}),
    )


def refusal_of(session_id: str, origin: Origin) -> Event:
    """Somebody came without the session's token."""
    return Event(
        source=SOURCE,
        name=OPEN,
        is_read_only=False,
        origin=origin,
        error=REFUSED,
        parameters={"sessionId": session_id},
    )


def end_of(record: Record, why: str) -> Event:
    """It is over."""
    return Event(
        source=SOURCE,
        name=END,
        is_read_only=False,
        identity=owner(record.document["session"]["Owner"]),
        region=record.scope.partition("/")[2],
        parameters={"sessionId": record.key, "reason": why},
        resources=resources_in("ecs", {"task": record.parent}),
        kind=SERVICE_EVENT,
    )
