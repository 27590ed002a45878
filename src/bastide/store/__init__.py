"""Records, transactions, versions and the change feed."""
