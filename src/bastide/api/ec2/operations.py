"""What EC2's operations do alike: a default VPC is there, DryRun, and nothing is taken unseen.

An operation that changes something names the parameters it takes. Any other that is set is refused by name,
so that nothing a caller asks for is passed over in silence; false and empty values ask for nothing.
"""

from collections.abc import Collection

from bastide.api.ec2.making import ensure_default_vpc
from bastide.api.ec2.tokens import repeatable
from bastide.api.operation import Context, Params, Reads, Result, Run, Writes, WritesOnce
from bastide.model.faults import Denied, Unsupported
from bastide.store import Txn

COMMON = frozenset({"DryRun"})
CLIENT_TOKEN = "ClientToken"
UNSET: tuple[object, ...] = (None, False, "", [], {}, {"Value": False})
DONE: Result = {"Return": True}


def looks(run: Run) -> WritesOnce:
    """A Describe call; the first of a scope makes the default VPC."""

    def prepared(txn: Txn, context: Context, params: Params) -> Result:
        refuse_dry_run(params)
        ensure_default_vpc(txn, context)
        return run(txn, context, params)

    return WritesOnce(prepared)


def answers(run: Run) -> Reads:
    """A Describe call about what is there without any account: it makes nothing."""

    def checked(txn: Txn, context: Context, params: Params) -> Result:
        refuse_dry_run(params)
        return run(txn, context, params)

    return Reads(checked)


def changes(run: Run, *takes: str) -> Writes:
    """A call that changes what is there, and the parameters it takes."""
    taken = COMMON | set(takes)
    if CLIENT_TOKEN in taken:
        run = repeatable(run)

    def prepared(txn: Txn, context: Context, params: Params) -> Result:
        refuse_others(params, taken)
        refuse_dry_run(params)
        ensure_default_vpc(txn, context)
        return run(txn, context, params)

    return Writes(prepared)


def refuse_dry_run(params: Params) -> None:
    """With DryRun an operation only says that it would have worked."""
    if params.get("DryRun"):
        raise Denied("dry run")


def refuse_others(params: Params, taken: Collection[str], *, where: str = "") -> None:
    """Refuse every parameter that is set and not taken."""
    for name, value in params.items():
        if name in taken or value in UNSET:
            continue
        what = "IPv6" if "ipv6" in name.lower() else f"the parameter {where}{name}"
        raise Unsupported("parameter", name, why=f"Bastide does not do {what}: see docs/compat.md.")
