"""Processes beside a container's own: checks, whose output is kept, and terminals, which a user sits at."""
