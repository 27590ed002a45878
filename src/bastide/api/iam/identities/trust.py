"""A role's trust policy as it is written: a policy, of a size, that names nobody who is not there."""

from bastide.api.iam.identities.entities import ROLE, USER, Noun, find_entity, iam_scope
from bastide.api.iam.policies.sizes import check_trust_size
from bastide.api.operation import Context
from bastide.model.arn import last_of, parse_arn
from bastide.model.faults import Invalid
from bastide.permissions import PolicyKind, parse_document
from bastide.permissions.principals import AWS
from bastide.store import Txn

_NOUNS: dict[tuple[str, str], Noun] = {("iam", "user"): USER, ("iam", "role"): ROLE}


def checked_trust(txn: Txn, ctx: Context, text: str) -> str:
    """The text; raises Invalid and LimitExceeded for what no role can have."""
    document = parse_document(text, PolicyKind.TRUST)
    for clause in document.clauses:
        for name in (clause.principals or {}).get(AWS, ()):
            if not _may_be_there(txn, ctx, name):
                raise Invalid("policy document", why=f'Invalid principal in policy: "{AWS}":"{name}"')
    check_trust_size(text)
    return text


def _may_be_there(txn: Txn, ctx: Context, name: str) -> bool:
    """Whether it is a user or role of this account; of other accounts nobody is known here."""
    arn = parse_arn(name)
    if arn is None or arn.account != ctx.caller.account:
        return True
    kind, _, rest = arn.resource.partition("/")
    if (arn.service, kind) == ("sts", "assumed-role"):
        return find_entity(txn, iam_scope(ctx), ROLE, rest.partition("/")[0]) is not None
    noun = _NOUNS.get((arn.service, kind))
    if noun is None:
        return True
    found = find_entity(txn, iam_scope(ctx), noun, last_of(name))
    return found is not None and found.document["members"]["Arn"] == name
