"""Events: what happened to tasks, as EventBridge would be told."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table; nothing is told of what happened before."""
    op.create_table(
        "events",
        sa.Column("seq", big, primary_key=True, autoincrement=True),
        *(sa.Column(name, text, nullable=False) for name in ("scope", "subject", "parent")),
        sa.Column("at_ms", big, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_subject", "events", ["subject", "seq"])
    op.create_index("events_by_time", "events", ["at_ms"])
