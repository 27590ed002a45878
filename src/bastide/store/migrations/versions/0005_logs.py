"""Log events have a storage of their own: what stays in the database is only there to be moved."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let go of what made rows quick to search; the rows go when the server has moved them."""
    op.drop_index("log_events_by_stream", "log_events", if_exists=True)
    op.drop_index("log_events_by_group", "log_events", if_exists=True)
    op.drop_table("log_streams", if_exists=True)
