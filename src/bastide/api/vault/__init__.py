"""Values that must not be read from a disk or a backup: sealed with a key that lies beside the store."""

from bastide.api.vault.key_file import ensure_vault, vault_file
from bastide.api.vault.vault import Vault

__all__ = ["Vault", "ensure_vault", "vault_file"]
