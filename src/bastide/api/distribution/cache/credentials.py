"""What another registry wants to know of us: a secret `{"username": …, "accessToken": …}` a rule names."""

import msgspec

from bastide.api.secretsmanager.records import find_in, open_version
from bastide.api.secretsmanager.versions import pick_version
from bastide.api.vault import Vault
from bastide.model.faults import NotFound
from bastide.store import Record, Store, Txn


class Credentials(msgspec.Struct, frozen=True):
    """A name and what proves it."""

    username: str
    token: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r})"


async def read_credentials(store: Store, vault: Vault, rule: Record, *, now_s: float) -> Credentials | None:
    """The rule's credentials, None for a rule without. Raises NotFound of the noun `upstream secret`."""
    arn = rule.document.get("credentialArn")
    if arn is None:
        return None

    def read(txn: Txn) -> Record:
        secret = find_in(txn, rule.scope, arn, now_s=now_s)
        if secret is None:
            raise NotFound("upstream secret", arn, why=f"The secret {arn} does not exist")
        return pick_version(txn, secret, version_id=None, stage=None)

    version = await store.view(read)
    value = open_version(vault, version)
    try:
        told = msgspec.json.decode(value.get("SecretString", ""), type=dict[str, str])
        return Credentials(told["username"], told["accessToken"])
    except (msgspec.MsgspecError, KeyError) as error:
        why = f"The secret {arn} does not hold a username and an accessToken"
        raise NotFound("upstream secret", arn, why=why) from error
