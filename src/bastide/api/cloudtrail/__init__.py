"""CloudTrail as one asks it what happened: LookupEvents over the audit log."""

from bastide.api.cloudtrail import lookup

PARTS = (lookup.OPERATIONS,)
