"""What the agent asks the server, and waits for: everything of a task that no folder holds."""
