"""The schema's history; Alembic brings a database to the newest at open."""
