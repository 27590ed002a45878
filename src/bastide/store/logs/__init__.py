"""Storage made for logs: what comes in is appended to journals, what is old lies in columns."""

from bastide.store.logs.log_store import LogStore
from bastide.store.logs.reading import Step
from bastide.store.logs.values import Batch, LogEvent, LogUsage, Place, Selection

__all__ = ["Batch", "LogEvent", "LogStore", "LogUsage", "Place", "Selection", "Step"]
