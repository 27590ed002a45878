"""What a task is told about itself, from inside it: metadata, statistics, credentials, its protection."""
