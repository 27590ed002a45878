"""CloudWatch Logs: where containers' output is kept and looked through."""

from bastide.api.logs import events, filters, groups, live_tail, search, streams, tags
from bastide.api.logs.insights import queries
from bastide.api.logs.policies import operations as policies

PARTS = (
    groups.OPERATIONS,
    streams.OPERATIONS,
    events.OPERATIONS,
    search.OPERATIONS,
    queries.OPERATIONS,
    live_tail.OPERATIONS,
    filters.OPERATIONS,
    tags.OPERATIONS,
    policies.OPERATIONS,
)
