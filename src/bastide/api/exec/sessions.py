"""Session Manager's calls about exec sessions: resume, terminate, describe.

They arrive where ECS's do: the plugin asks at the endpoint the CLI was given.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from bastide.api.exec.records import (
    ACTIVE,
    EXEC_SESSION,
    HISTORY,
    ended,
    render_session,
    rendered_start,
    stream_url,
    with_token,
)
from bastide.api.operation import Context, Document, Operation, Params, Reads, Result, Writes
from bastide.api.paging import Cursor, parse_token, render_token
from bastide.model.faults import Invalid, NotFound
from bastide.store.records import Record
from bastide.store.txn import Txn

PAGE = 200
TERMINATED_BY_USER = "The session was terminated by its user."

Test = Callable[[Document], bool]


def resume_session(txn: Txn, ctx: Context, params: Params) -> Result:
    """ResumeSession: a new token; none for a session that is over, which a client then says."""
    record = _find_session(txn, ctx, params["SessionId"])
    if record.state != ACTIVE:
        url = stream_url(ctx.settings, record.key, ctx.caller.region)
        return {"SessionId": record.key, "StreamUrl": url}
    record, token = with_token(record, now_s=ctx.now_s)
    txn.put(record)
    return rendered_start(ctx, record, token)


def terminate_session(txn: Txn, ctx: Context, params: Params) -> Result:
    """TerminateSession: over from now on; whoever holds its stream sees that and ends the process."""
    record = _find_session(txn, ctx, params["SessionId"])
    if record.state == ACTIVE:
        txn.put(ended(record, now_s=ctx.now_s, details=TERMINATED_BY_USER))
    return {"SessionId": record.key}


def describe_sessions(txn: Txn, ctx: Context, params: Params) -> Result:
    """DescribeSessions: the newest first."""
    limit = params.get("MaxResults", PAGE)
    asked = {each["key"]: each["value"] for each in params.get("Filters", ())}
    fits = _test_for(asked)
    state = ACTIVE if params["State"] == ACTIVE else HISTORY
    query = ("DescribeSessions", ctx.scope, state, asked)
    token = params.get("NextToken")
    after: Cursor | None = None if not token else parse_token(token, *query)
    found: list[Record] = []
    while len(found) <= limit:
        batch = txn.find(EXEC_SESSION, scope=ctx.scope, state=state, after=after, limit=PAGE, descending=True)
        found += [record for record in batch if fits(render_session(record))]
        if len(batch) < PAGE:
            break
        after = (batch[-1].name, batch[-1].key)
    shown = found[:limit]
    result: Result = {"Sessions": [render_session(record) for record in shown]}
    if len(found) > limit:
        result["NextToken"] = render_token((shown[-1].name, shown[-1].key), *query)
    return result


def _find_session(txn: Txn, ctx: Context, session_id: str) -> Record:
    record = txn.get(EXEC_SESSION, session_id)
    if record is None or record.scope != ctx.scope:
        raise NotFound("session", session_id)
    return record


def _test_for(asked: Mapping[str, str]) -> Test:
    after, before = (_moment(asked.get(key)) for key in ("InvokedAfter", "InvokedBefore"))
    equal = {key: value for key, value in asked.items() if not key.startswith("Invoked")}

    def fits(session: Document) -> bool:
        return (
            (after is None or session["StartDate"] >= after)
            and (before is None or session["StartDate"] <= before)
            and all(session.get(key) == value for key, value in equal.items())
        )

    return fits


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise Invalid("filter key", text, why=f"{text} is no time: write 2026-08-29T00:00:00Z.") from error


OPERATIONS: Mapping[str, Operation] = {
    "DescribeSessions": Reads(describe_sessions),
    "ResumeSession": Writes(resume_session),
    "TerminateSession": Writes(terminate_session),
}
