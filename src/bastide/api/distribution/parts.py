"""What every handler of the registry works with."""

from typing import TYPE_CHECKING

import msgspec

from bastide.api.distribution.access import Access
from bastide.api.distribution.sessions import Sessions
from bastide.api.vault import Vault
from bastide.config import Settings
from bastide.store import Store
from bastide.store.registry.blobs import Blobs

if TYPE_CHECKING:
    from bastide.api.distribution.cache.fetching import Fetches


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The registry's parts, and whose request it is."""

    store: Store
    settings: Settings
    blobs: Blobs
    sessions: Sessions
    fetches: "Fetches"
    vault: Vault
    access: Access
    now_s: float

    @property
    def scope(self) -> str:
        """The registry that was asked: account and region."""
        return self.access.scope
