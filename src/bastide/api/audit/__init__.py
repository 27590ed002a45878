"""What is told of every call: CloudTrail's record of it, without what is secret."""

from bastide.api.audit.calls import is_read_only
from bastide.api.audit.trail import Trail, open_trail

__all__ = ["Trail", "is_read_only", "open_trail"]
