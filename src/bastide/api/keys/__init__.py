"""Access keys: who may sign."""
