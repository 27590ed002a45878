"""Completes the default VPCs of releases that recorded VPC, subnets and group alone.

What packets obey is in records that those did not write: without them a running task would be cut off. Done
once, when the server starts; nothing of such a network could be changed by anybody meanwhile.
"""

from datetime import UTC, datetime

from bastide.api.ec2.making import DHCP_MEMBER, MADE, complete_default_vpc
from bastide.api.operation import Caller, Context
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.model.network import kinds
from bastide.store import Record, Store, Txn


async def complete_default_vpcs(store: Store, settings: Settings, vault: Vault) -> None:
    """Every scope's default VPC has all that a new one has. Repeatable."""
    if await store.view(_incomplete):
        await store.update(lambda txn: _complete(txn, settings, vault))


def _incomplete(txn: Txn) -> list[Record]:
    return [made for made in txn.find(MADE) if DHCP_MEMBER not in made.document]


def _complete(txn: Txn, settings: Settings, vault: Vault) -> None:
    for made in _incomplete(txn):
        account, _, region = made.scope.partition("/")
        caller = Caller(
            account=account, region=region, principal_arn=f"arn:aws:iam::{account}:root", user_id=account
        )
        context = Context(caller=caller, now=datetime.now(UTC), request_id="", settings=settings, vault=vault)
        complete_default_vpc(txn, context, made)
    for placement in txn.find("placement"):
        interface = txn.get(kinds.NETWORK_INTERFACE, placement.document["eni"])
        if interface and kinds.TASK_MEMBER not in interface.document:
            document = {**interface.document, kinds.TASK_MEMBER: placement.key}
            txn.put(interface.changed(document=document))
