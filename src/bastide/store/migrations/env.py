"""Run by Alembic: the connection comes from `store.backends.migration`, which holds the transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
