"""What FilterLogEvents looks for: filter patterns, parsed once and asked of every message."""
