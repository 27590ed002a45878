"""Frozen values and faults: no I/O, no clock, no AWS codes."""
