"""LookupEvents: what was done in this account and region, the newest first."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bastide.api.audit.identities import user_name
from bastide.api.audit.resources import resource_name
from bastide.api.operation import Context, Document, Operation, Params, Performs, Result
from bastide.api.paging import parse_token, render_token
from bastide.model.faults import Invalid
from bastide.store import Store
from bastide.store.audit.reading import EVERY_RECORD, Found, Place, Selection, read_back
from bastide.store.audit.records import TIME_FORMAT, Record, needle

PAGE = 50
MANAGEMENT = "Management"
LATEST = datetime(9999, 1, 1, tzinfo=UTC)  # a second after it is still a time

Fits = Callable[[Record], bool]


async def lookup_events(store: Store, ctx: Context, params: Params) -> Result:
    """LookupEvents. A page may be empty and have a token: then there was much to look through."""
    since, until = _moment(params.get("StartTime")), _moment(params.get("EndTime"))
    if since is not None and until is not None and since > until:
        raise Invalid("time range", why="The start time is after the end time.")
    if params.get("EventCategory"):
        raise Invalid("event category", why="There are no Insights events here.")
    attributes = params.get("LookupAttributes") or []
    if len(attributes) > 1:
        raise Invalid("lookup attributes", why="The list of lookup attributes can have one item only.")
    asked = (attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]) if attributes else None
    text, fits = (EVERY_RECORD, _anything) if asked is None else _test_for(*asked)
    query = ("LookupEvents", ctx.scope, asked, params.get("StartTime"), params.get("EndTime"))
    account, region = ctx.caller.account, ctx.caller.region

    def is_wanted(record: Record) -> bool:
        here = (record.account, record.region, record.category) == (account, region, MANAGEMENT)
        return here and fits(record)

    found, place = await asyncio.to_thread(
        read_back,
        ctx.settings.audit_folder,
        Selection(text=text, fits=is_wanted, since=since, until=until),
        limit=params.get("MaxResults", PAGE),
        before=_place(params.get("NextToken"), query),
    )
    result: Result = {"Events": [_shown(one) for one in found]}
    if place is not None:
        result["NextToken"] = render_token((place.segment, str(place.offset)), *query)
    return result


def _place(token: str | None, query: tuple[object, ...]) -> Place | None:
    if not token:
        return None
    segment, offset = parse_token(token, *query)
    return Place(segment, int(offset))


def _test_for(key: str, value: str) -> tuple[bytes, Fits]:
    """What a line holds where an attribute has a value, and whether a record really has it."""
    if key == "ReadOnly":
        if value not in ("true", "false"):
            raise Invalid("lookup attributes", why="The value of ReadOnly is true or false.")
        return needle("readOnly", value == "true"), lambda record: record.is_read_only == (value == "true")
    plain: Mapping[str, tuple[str, Callable[[Record], Any]]] = {
        "EventId": ("eventID", lambda record: record.event_id),
        "EventName": ("eventName", lambda record: record.name),
        "EventSource": ("eventSource", lambda record: record.source),
        "AccessKeyId": ("accessKeyId", lambda record: record.identity.get("accessKeyId")),
    }
    if key in plain:
        field, read = plain[key]
        return needle(field, value), lambda record: read(record) == value
    if key == "Username":
        text = needle("type", "Root") if value == "root" else _inside(value)
        return text, lambda record: user_name(record.identity) == value
    if key == "ResourceType":
        return needle("type", value), lambda record: any(
            resource["type"] == value for resource in record.resources or ()
        )
    return _inside(value), lambda record: any(
        resource_name(resource) == value for resource in record.resources or ()
    )


def _inside(value: str) -> bytes:
    """A value as it stands within the quotes of a line, at whatever length."""
    return needle("", value)[len('"":"') : -1]


def _anything(record: Record) -> bool:
    return True


def _shown(found: Found) -> Document:
    record = found.record
    event: Document = {
        "EventId": record.event_id,
        "EventName": record.name,
        "ReadOnly": "true" if record.is_read_only else "false",
        "EventTime": datetime.strptime(record.time, TIME_FORMAT).replace(tzinfo=UTC).timestamp(),
        "EventSource": record.source,
        "Username": user_name(record.identity),
        "Resources": [
            {"ResourceType": resource["type"], "ResourceName": resource_name(resource)}
            for resource in record.resources or ()
        ],
        "CloudTrailEvent": found.line.decode(),
    }
    if "accessKeyId" in record.identity:
        event["AccessKeyId"] = record.identity["accessKeyId"]
    return event


def _moment(asked: datetime | None) -> datetime | None:
    """A time as it is looked for: records have whole seconds."""
    return None if asked is None else min(asked.replace(microsecond=0), LATEST)


OPERATIONS: Mapping[str, Operation] = {"LookupEvents": Performs(lookup_events)}
