"""What a policy must be that stands at a resource and names it: a bucket's, a secret's, a log group's.

Raises Invalid of the noun "policy document", as documents.py does.
"""

from bastide.permissions.checks import parse_document
from bastide.permissions.documents import Clause, Document, PolicyKind, refused
from bastide.permissions.requests import ANYTHING


def check_at_resource(text: str, *, vendor: str) -> Document:
    """The policy in a text, about things of one service alone."""
    document = parse_document(text, PolicyKind.RESOURCE)
    for clause in document.clauses:
        if not clause.resources:
            raise refused("Missing required field Resource")
        for action in clause.actions:
            if action != ANYTHING and action.partition(":")[0].lower() != vendor:
                raise refused("Policy has invalid action")
    return document


def is_public(document: Document) -> bool:
    """Whether it lets in everybody, with no condition to narrow that down."""
    return any(
        clause.effect == "Allow" and not clause.conditions and _names_everybody(clause)
        for clause in document.clauses
    )


def _names_everybody(clause: Clause) -> bool:
    return clause.is_not_principal or any(ANYTHING in names for names in (clause.principals or {}).values())
