"""How resource policies are kept, and which of them count for a log group.

Record kind `log-resource-policy`; an account's has its name, a log group's has the group as parent and goes
with it. Document {policy: AWS's shape}.
"""

from bastide.store import Record, Txn

LOG_POLICY = "log-resource-policy"


def account_key(scope: str, name: str) -> str:
    """The key of a policy that may be about any log group of an account and region."""
    return f"{scope}/{name}"


def group_key(group_arn: str) -> str:
    """The key of a log group's own policy."""
    return f"{group_arn}/policy"


def account_policies(txn: Txn, scope: str) -> list[Record]:
    """An account's policies in a region, by name."""
    return txn.find(LOG_POLICY, scope=scope, parent="")


def texts_for(txn: Txn, scope: str, group_arn: str) -> tuple[str, ...]:
    """Every policy that counts for a log group."""
    own = txn.get(LOG_POLICY, group_key(group_arn))
    records = [*account_policies(txn, scope), *([] if own is None else [own])]
    return tuple(str(record.document["policy"]["policyDocument"]) for record in records)
