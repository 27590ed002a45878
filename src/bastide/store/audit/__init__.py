"""The audit log: a record of every call, in files that are only ever appended to."""
