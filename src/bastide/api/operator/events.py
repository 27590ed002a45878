"""Events as they happened and as they happen, for one who follows and may come back where he was."""

from collections.abc import AsyncIterator
from functools import partial

import msgspec

from bastide.api.operator.finding import find_cluster, find_task
from bastide.api.operator.operation import Follows
from bastide.model.messages.asked import FOLLOW_EVENTS, EventsAsked, EventTold
from bastide.store import Event, Store, Txn
from bastide.store.txn import EVENT

AT_ONCE = 200  # events read in one go
TASK_ARN = ":task/"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are asked for, in the words of the store."""

    subject: str | None
    parent: str | None

    def read(
        self, txn: Txn, *, limit: int, after: int | None = None, descending: bool = False
    ) -> list[Event]:
        """Of these."""
        return txn.read_events(
            limit=limit, after=after, descending=descending, subject=self.subject, parent=self.parent
        )


async def follow_events(store: Store, asked: EventsAsked) -> AsyncIterator[EventTold]:
    """The place it begins at, then every event behind it, each once."""
    with store.watch(kinds=(EVENT,)) as watch:  # before the first look: nothing falls between the two
        kept, place = await store.view(lambda txn: _begin(txn, asked))
        yield EventTold(place)
        while True:
            events, place = await store.view(partial(_read_after, kept=kept, place=place))
            for event in events:
                yield EventTold(event.seq, event.document)
            if len(events) == AT_ONCE:
                continue
            if not asked.is_followed or await anext(watch, None) is None:
                return


def _begin(txn: Txn, asked: EventsAsked) -> tuple[Kept, int]:
    kept = Kept(
        subject=_subject(txn, asked.task) if asked.task else None,
        parent=find_cluster(txn, asked.cluster).key if asked.cluster else None,
    )
    if asked.after is not None:
        return kept, asked.after
    last = kept.read(txn, limit=asked.last, descending=True) if asked.last > 0 else []
    return kept, last[-1].seq - 1 if last else txn.last_event()


def _subject(txn: Txn, named: str) -> str:
    """A task's ARN; events outlive their task, so an ARN is taken as it is."""
    return named if TASK_ARN in named else find_task(txn, named).key


def _read_after(txn: Txn, kept: Kept, place: int) -> tuple[list[Event], int]:
    """The next events, and the place behind everything that was looked at."""
    events = kept.read(txn, limit=AT_ONCE, after=place)
    return events, events[-1].seq if len(events) == AT_ONCE else max(place, txn.last_event())


OPERATIONS = (Follows(FOLLOW_EVENTS, follow_events),)
