"""Interfaces are recorded under AWS's word for them."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename the kind; whoever watches it begins after this."""
    op.execute("UPDATE records SET kind = 'network-interface' WHERE kind = 'eni'")
