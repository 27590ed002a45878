"""What EventBridge is told: one file a kind of thing it happens to."""
