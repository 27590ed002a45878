"""The first schema: records, their changes, log events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; `feed` begins with its one row."""
    op.create_table(
        "records",
        sa.Column("kind", text, primary_key=True),
        sa.Column("key", text, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in ("scope", "parent", "name", "status")),
        sa.Column("version", big, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("records_by_name", "records", ["kind", "scope", "name", "key"])
    op.create_index("records_by_parent", "records", ["kind", "parent", "name", "key"])
    op.create_index("records_by_status", "records", ["kind", "status", "name", "key"])
    op.create_table(
        "changes",
        sa.Column("seq", big, primary_key=True, autoincrement=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("key", text, nullable=False),
        sa.Column("version", big, nullable=False),
    )
    feed = op.create_table("feed", sa.Column("seq", big, nullable=False))
    op.bulk_insert(feed, [{"seq": 0}])
    op.create_table(
        "log_events",
        sa.Column("seq", big, primary_key=True, autoincrement=True),
        *(sa.Column(name, text, nullable=False) for name in ("scope", "group_name", "stream")),
        sa.Column("timestamp_ms", big, nullable=False),
        sa.Column("ingestion_ms", big, nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "log_events_by_stream", "log_events", ["scope", "group_name", "stream", "timestamp_ms", "seq"]
    )
    op.create_index("log_events_by_group", "log_events", ["scope", "group_name", "timestamp_ms", "seq"])
    op.create_table(
        "log_streams",
        *(sa.Column(name, text, primary_key=True) for name in ("scope", "group_name", "stream")),
        *(
            sa.Column(name, big, nullable=False)
            for name in ("first_ms", "last_ms", "ingestion_ms", "stored_bytes")
        ),
    )
