"""The admin key: random, private, and the same at every start."""

import asyncio
import re
from pathlib import Path

import pytest

from bastide.api.keys.admin import ensure_admin_key, read_admin_key, reset_admin_key
from bastide.api.keys.signing import Keys
from bastide.model.faults import Invalid, NotFound
from bastide.permissions import PrincipalKind
from bastide.store import Store
from tests.unit.api.conftest import VAULT


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "server" / "key.json"
    with pytest.raises(NotFound):
        read_admin_key(path)
    made = ensure_admin_key(path)
    assert re.fullmatch("AKIA[A-Z2-7]{16}", made.access_key_id)
    assert len(made.secret_access_key) == 40
    assert path.stat().st_mode & 0o777 == 0o600
    assert ensure_admin_key(path) == made == read_admin_key(path)
    assert [each.name for each in path.parent.iterdir()] == ["key.json"]


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    assert ensure_admin_key(tmp_path / "a") != ensure_admin_key(tmp_path / "b")


async def test_two_starts_at_once_get_one_key(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    made = await asyncio.gather(*(asyncio.to_thread(ensure_admin_key, path) for _ in range(8)))
    assert len(set(made)) == 1


def test_a_damaged_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text("{")
    with pytest.raises(Invalid, match="Remove it"):
        ensure_admin_key(path)
    assert path.read_text() == "{"


async def test_the_secret_is_in_no_repr(tmp_path: Path, store: Store) -> None:
    key = ensure_admin_key(tmp_path / "key.json")
    keys = Keys(key, account="111122223333", store=store, vault=VAULT)
    signer = await keys.find(key.access_key_id, None)
    assert signer is not None
    assert key.secret_access_key not in repr(key) + repr(signer)


async def test_the_admins_key_is_the_root_users_and_others_are_unknown(tmp_path: Path, store: Store) -> None:
    key = ensure_admin_key(tmp_path / "key.json")
    keys = Keys(key, account="111122223333", store=store, vault=VAULT)
    assert await keys.find("AKIAIOSFODNN7EXAMPLE", None) is None
    signer = await keys.find(key.access_key_id, None)
    assert signer is not None
    assert (signer.caller.account, signer.caller.kind) == ("111122223333", PrincipalKind.ROOT)
    assert signer.caller.principal_arn == "arn:aws:iam::111122223333:root"


async def test_a_reset_key_counts_at_once_and_the_one_before_no_more(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "key.json"
    before = ensure_admin_key(file)
    keys = Keys(before, account="111122223333", store=store, vault=VAULT, file=file)
    held = await keys.find(before.access_key_id, None)
    assert held is not None
    assert not await keys.has_gone(held.caller)
    after = reset_admin_key(file)
    assert await keys.has_gone(held.caller)  # so do registry tokens that it asked for
    assert file.stat().st_mode & 0o777 == 0o600
    assert await keys.find(before.access_key_id, None) is None
    signer = await keys.find(after.access_key_id, None)
    assert signer is not None
    assert (signer.secret.secret_access_key, signer.caller.kind) == (
        after.secret_access_key,
        PrincipalKind.ROOT,
    )


@pytest.mark.parametrize("spoiled", [b"{", None])
async def test_a_file_that_cannot_be_read_takes_no_key_away(
    tmp_path: Path, store: Store, spoiled: bytes | None
) -> None:
    file = tmp_path / "key.json"
    key = ensure_admin_key(file)
    keys = Keys(key, account="111122223333", store=store, vault=VAULT, file=file)
    if spoiled is None:
        file.unlink()
    else:
        file.write_bytes(spoiled)
    assert await keys.find(key.access_key_id, None) is not None
