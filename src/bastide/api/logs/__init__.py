"""CloudWatch Logs: where containers' output is kept and looked through."""

from bastide.api.logs import events, groups, search, streams, tags

PARTS = (groups.OPERATIONS, streams.OPERATIONS, events.OPERATIONS, search.OPERATIONS, tags.OPERATIONS)
