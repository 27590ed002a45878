"""Pure decisions: (desired, observed, now) to changes."""
