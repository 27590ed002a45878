"""What a row of the tables is."""

from collections.abc import Mapping
from typing import NamedTuple

from bastide.model.faults import Fault


class Row(NamedTuple):
    """An AWS error code, and what it says when the fault has no words of its own."""

    code: str
    message: str = ""


Table = Mapping[tuple[type[Fault], str], Row]
