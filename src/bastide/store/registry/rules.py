"""Rules of a registry for repositories by the beginning of their name: templates, and pull-through caches.

Kinds `ecr-template` and `ecr-cache-rule`, key SCOPE/PREFIX, name the prefix; `ROOT` fits every name. Of
several that fit, the longest decides.
"""

from bastide.store.records import Record
from bastide.store.txn import Txn

TEMPLATE, CACHE_RULE = "ecr-template", "ecr-cache-rule"
ROOT = "ROOT"
ON_PUSH, ON_PULL = "CREATE_ON_PUSH", "PULL_THROUGH_CACHE"


def rule_key(scope: str, prefix: str) -> str:
    """A prefix is the same with and without its last slash."""
    return f"{scope}/{prefix.rstrip('/')}"


def find_template(txn: Txn, scope: str, name: str, *, applied_for: str) -> Record | None:
    """The template a repository of this name is made by."""
    fitting = [
        one for one in _fitting(txn, TEMPLATE, scope, name) if applied_for in one.document["appliedFor"]
    ]
    return fitting[0] if fitting else None


def find_cache_rule(txn: Txn, scope: str, name: str) -> Record | None:
    """The rule that says where a repository's images come from."""
    fitting = _fitting(txn, CACHE_RULE, scope, name)
    return fitting[0] if fitting else None


def upstream_name(rule: Record, name: str) -> str:
    """What the repository is called where it comes from."""
    prefix = str(rule.document.get("upstreamRepositoryPrefix", ROOT)).rstrip("/")
    rest = name if rule.name == ROOT else name.removeprefix(f"{rule.name}/")
    return rest if prefix == ROOT else f"{prefix}/{rest}"


def _fitting(txn: Txn, kind: str, scope: str, name: str) -> list[Record]:
    found = [
        rule for rule in txn.find(kind, scope=scope) if rule.name == ROOT or name.startswith(f"{rule.name}/")
    ]
    return sorted(found, key=lambda rule: (rule.name == ROOT, -len(rule.name)))
