"""What is told about a pattern that is none."""

from bastide.model.faults import Invalid


def unsupported(why: str) -> Invalid:
    """The fault for a pattern that cannot be used."""
    return Invalid("parameter", why=f"Invalid filter pattern: {why}")
