"""ECS: one file a noun."""
