"""The SQL of records, their changes, and events."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    Dialect,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)

from bastide.store.statement import UPSERTING, Statement, compile_statement
from bastide.store.tables import changes, events, feed, log_events, records

RECORD_COLUMNS = (
    records.c.kind,
    records.c.key,
    records.c.scope,
    records.c.document,
    records.c.parent,
    records.c.name,
    records.c.status,
    records.c.version,
    records.c.state,
)

RECORD_CHANGES = ("parent", "name", "status", "state", "version", "document")

# What a search may ask for; the names are the parameters of `Txn.find` and of the statement.
FILTERS: Mapping[str, Any] = {
    "scope": records.c.scope == bindparam("scope"),
    "parent": records.c.parent == bindparam("parent"),
    "name": records.c.name == bindparam("name"),
    "name_from": records.c.name >= bindparam("name_from"),
    "name_below": records.c.name < bindparam("name_below"),
    "status": records.c.status == bindparam("status"),
    # The second half lets the databases see that the partial index will do.
    "state": and_(records.c.state == bindparam("state"), records.c.state != literal_column("''")),
}

EVENT_FILTERS: Mapping[str, Any] = {
    "after": events.c.seq > bindparam("after"),
    "subject": events.c.subject == bindparam("subject"),
    "parent": events.c.parent == bindparam("parent"),
}


class Statements:
    """The statements for one dialect; see `statements_for`. Shared by all threads and stores.

    A race merely compiles one of them twice.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._shapes: dict[Any, Statement] = {}
        at = (records.c.kind == bindparam("at_kind"), records.c.key == bindparam("at_key"))
        at_version = (*at, records.c.version == bindparam("at_version"))
        self.get = self._compile(select(*RECORD_COLUMNS).where(*at))
        self.insert = self._compile(UPSERTING[dialect.name](records).on_conflict_do_nothing())
        self.update = self._compile(
            update(records).where(*at_version).values({name: bindparam(name) for name in RECORD_CHANGES})
        )
        self.delete = self._compile(delete(records).where(*at_version))
        self.take_numbers = self._compile(
            update(feed).values(seq=feed.c.seq + bindparam("amount", type_=BigInteger)).returning(feed.c.seq)
        )
        self.last_number = self._compile(select(feed.c.seq))
        self.record_change = self._compile(insert(changes))
        self.prune_changes = self._compile(delete(changes).where(changes.c.seq <= bindparam("horizon")))
        self.oldest_change = self._compile(select(func.min(changes.c.seq)))
        self.changes_since = self._compile(
            select(changes).where(changes.c.seq > bindparam("since")).order_by(changes.c.seq)
        )
        self.append_event = self._compile(
            insert(events).values(
                {name: bindparam(name) for name in ("scope", "subject", "parent", "at_ms", "document")}
            )
        )
        rows = select(log_events).order_by(log_events.c.seq).limit(bindparam("limit", type_=BigInteger))
        self.log_rows = self._compile(rows)
        self.delete_log_rows = self._compile(
            delete(log_events).where(log_events.c.seq <= bindparam("through"))
        )
        self.last_event = self._compile(select(func.max(events.c.seq)))
        old = select(events.c.seq).where(events.c.at_ms < bindparam("before_ms"))
        some = old.order_by(events.c.at_ms).limit(bindparam("limit", type_=BigInteger))
        self.expire_events = self._compile(delete(events).where(events.c.seq.in_(some)))

    def find(self, *, filters: frozenset[str], after: bool, limited: bool, descending: bool) -> Statement:
        """Search one kind by the named filters, ordered by name and key."""
        shape = ("find", filters, after, limited, descending)
        return self._shapes.get(shape) or self._keep(shape, self._find(filters, after, limited, descending))

    def count(self, filters: frozenset[str]) -> Statement:
        """Count what `find` with the same filters would return."""
        shape = ("count", filters)
        return self._shapes.get(shape) or self._keep(
            shape, self._narrowed(select(func.count()).select_from(records), filters)
        )

    def events(self, *, filters: frozenset[str], descending: bool) -> Statement:
        """Read events by the named filters, in their order or from the newest on."""
        shape = ("events", filters, descending)
        return self._shapes.get(shape) or self._keep(shape, self._events(filters, descending))

    def _events(self, filters: frozenset[str], descending: bool) -> Select[Any]:
        query = select(events.c.seq, events.c.document)
        query = query.where(*(EVENT_FILTERS[name] for name in EVENT_FILTERS if name in filters))
        query = query.order_by(events.c.seq.desc() if descending else events.c.seq)
        return query.limit(bindparam("limit", type_=BigInteger))

    def _find(self, filters: frozenset[str], after: bool, limited: bool, descending: bool) -> Select[Any]:
        query = self._narrowed(select(*RECORD_COLUMNS), filters)
        place = tuple_(records.c.name, records.c.key)
        cursor = tuple_(bindparam("after_name"), bindparam("after_key"))
        if after:
            query = query.where(place < cursor if descending else place > cursor)
        if descending:
            query = query.order_by(records.c.name.desc(), records.c.key.desc())
        else:
            query = query.order_by(records.c.name, records.c.key)
        return query.limit(bindparam("limit", type_=BigInteger)) if limited else query

    def _narrowed(self, query: Select[Any], filters: frozenset[str]) -> Select[Any]:
        if unknown := filters - FILTERS.keys():
            raise TypeError(f"records cannot be searched by {', '.join(sorted(unknown))}")
        return query.where(
            records.c.kind == bindparam("kind"), *(FILTERS[name] for name in FILTERS if name in filters)
        )

    def _keep(self, shape: Any, query: ClauseElement) -> Statement:
        statement = self._shapes[shape] = self._compile(query)
        return statement

    def _compile(self, query: ClauseElement) -> Statement:
        return compile_statement(query, self._dialect)


_made: dict[str, Statements] = {}


def statements_for(dialect: Dialect) -> Statements:
    """Those of a dialect, compiled once a process: its name decides every one of them."""
    found = _made.get(dialect.name)
    if found is None:
        found = _made[dialect.name] = Statements(dialect)
    return found
