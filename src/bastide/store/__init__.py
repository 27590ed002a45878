"""Where everything Bastide must not forget is kept."""

from bastide.store.records import Change, Event, LogEvent, LogUsage, Lost, Record
from bastide.store.store import Store
from bastide.store.txn import Txn
from bastide.store.watch import Watch

__all__ = ["Change", "Event", "LogEvent", "LogUsage", "Lost", "Record", "Store", "Txn", "Watch"]
