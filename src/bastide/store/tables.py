"""The schema the code works with. `migrations/` makes it; a test holds the two equal.

Text sorts by code point in both databases, so that prefixes are ranges and cursors mean the same.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, literal_column

text = Text().with_variant(Text(collation="C"), "postgresql")
big = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER is SQLite's own row id

metadata = MetaData()

records = Table(
    "records",
    metadata,
    Column("kind", text, primary_key=True),
    Column("key", text, primary_key=True),
    Column("scope", text, nullable=False),
    Column("parent", text, nullable=False),
    Column("name", text, nullable=False),
    Column("status", text, nullable=False),
    Column("version", big, nullable=False),
    Column("document", Text, nullable=False),
    Column("state", text, nullable=False, server_default=""),
)
Index("records_by_name", records.c.kind, records.c.scope, records.c.name, records.c.key)
Index("records_by_parent", records.c.kind, records.c.parent, records.c.name, records.c.key)
Index("records_by_status", records.c.kind, records.c.status, records.c.name, records.c.key)
# Few kinds have a state: those without cost this index nothing.
Index(
    "records_by_state",
    records.c.kind,
    records.c.state,
    records.c.parent,
    records.c.status,
    sqlite_where=records.c.state != literal_column("''"),
    postgresql_where=records.c.state != literal_column("''"),
)

changes = Table(
    "changes",
    metadata,
    Column("seq", big, primary_key=True, autoincrement=False),
    Column("kind", text, nullable=False),
    Column("key", text, nullable=False),
    Column("version", big, nullable=False),
)

# One row. Writers take their numbers here at the end of a transaction, so numbers grow in commit order.
feed = Table("feed", metadata, Column("seq", big, nullable=False))

# Log events as earlier versions kept them: moved to `logs/` at the first start, and empty from then on.
log_events = Table(
    "log_events",
    metadata,
    Column("seq", big, primary_key=True, autoincrement=True),
    Column("scope", text, nullable=False),
    Column("group_name", text, nullable=False),
    Column("stream", text, nullable=False),
    Column("timestamp_ms", big, nullable=False),
    Column("ingestion_ms", big, nullable=False),
    Column("message", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

# What happened, oldest first, for whoever follows by number. Numbers are taken by one writer at a time, so
# they grow in commit order: who has read up to one misses nothing by asking for those after it.
events = Table(
    "events",
    metadata,
    Column("seq", big, primary_key=True, autoincrement=True),
    Column("scope", text, nullable=False),
    Column("subject", text, nullable=False),  # the ARN of what it is about
    Column("parent", text, nullable=False),  # that of its cluster
    Column("at_ms", big, nullable=False),
    Column("document", Text, nullable=False),
    sqlite_autoincrement=True,  # numbers are cursors: never used twice
)
Index("events_by_subject", events.c.subject, events.c.seq)
Index("events_by_time", events.c.at_ms)
