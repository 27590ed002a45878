"""Where everything Bastide must not forget is kept."""

from bastide.store.logs import Batch, LogEvent, LogStore, LogUsage, Selection
from bastide.store.records import Change, Event, Lost, Record
from bastide.store.store import Store
from bastide.store.txn import Txn
from bastide.store.watch import Watch

__all__ = [
    "Batch",
    "Change",
    "Event",
    "LogEvent",
    "LogStore",
    "LogUsage",
    "Lost",
    "Record",
    "Selection",
    "Store",
    "Txn",
    "Watch",
]
