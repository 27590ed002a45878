"""Logs Insights: queries as values, made into SQL for DuckDB, and run."""
