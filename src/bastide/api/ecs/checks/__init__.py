"""The rules of ECS requests, as functions that raise and change nothing.

Texts are the service's own wherever they are known; AWS answers these with ClientException. The order in
which rules are tried is ours: the service's is not documented.
"""

from typing import Any, NoReturn

from bastide.model.faults import Invalid

Document = dict[str, Any]


def refuse(why: str) -> NoReturn:
    """A task definition that cannot be, and the sentence the user reads."""
    raise Invalid("task definition", why=why)
