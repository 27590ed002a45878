"""AWS operations: check, one transaction, answer."""
