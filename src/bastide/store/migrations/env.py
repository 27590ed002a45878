"""Run by Alembic: the connection comes from `bastide.store.engine.migrate`, which holds the transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
