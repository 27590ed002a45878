"""The host process: makes the tasks assigned to this host real."""
