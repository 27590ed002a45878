"""How far a record has come, beside what is wanted of it: tasks are counted by it without being read."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column and its index, and fill it for tasks."""
    op.add_column("records", sa.Column("state", text, nullable=False, server_default=""))
    has_state = sa.text("state <> ''")
    op.create_index(
        "records_by_state",
        "records",
        ["kind", "state", "parent", "status"],
        sqlite_where=has_state,
        postgresql_where=has_state,
    )
    records = sa.table("records", *(sa.column(name) for name in ("kind", "key", "document", "state")))
    database = op.get_bind()
    tasks = database.execute(sa.select(records.c.key, records.c.document).where(records.c.kind == "task"))
    for key, document in tasks.all():
        database.execute(
            sa.update(records)
            .where(records.c.kind == "task", records.c.key == key)
            .values(state=json.loads(document)["task"]["lastStatus"])
        )
