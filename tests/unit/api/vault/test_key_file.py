"""The key file: made once, never replaced in silence."""

import logging
from pathlib import Path

import pytest

from bastide.api.vault import ensure_vault
from bastide.model.faults import Invalid, NotFound
from bastide.store import Store


async def test_it_is_made_at_first_start_for_its_owner_alone(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "server" / "vault.key"
    first = await ensure_vault(store, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    text = path.read_bytes()
    again = await ensure_vault(store, path)
    assert path.read_bytes() == text
    assert again.open(first.seal(b"x", "a"), "a") == b"x"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


async def test_a_lost_key_is_not_made_anew(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    await ensure_vault(store, path)
    path.unlink()
    with pytest.raises(NotFound, match=r"vault\.key is gone, and with it every secret"):
        await ensure_vault(store, path)
    assert not path.exists()


async def test_another_key_is_used_and_said_so(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "vault.key"
    sealed = (await ensure_vault(store, path)).seal(b"x", "a")
    path.write_text("11" * 32)
    vault = await ensure_vault(store, path)
    assert [each.levelno for each in caplog.records if "cannot be read" in each.message] == [logging.ERROR]
    with pytest.raises(Invalid, match="sealed with another key"):
        vault.open(sealed, "a")


@pytest.mark.parametrize("text", ["", "x", "00" * 31, "zz" * 32])
async def test_a_file_that_holds_no_key_is_named(store: Store, tmp_path: Path, text: str) -> None:
    path = tmp_path / "vault.key"
    path.write_text(text)
    with pytest.raises(Invalid, match="64 hexadecimal digits"):
        await ensure_vault(store, path)


async def test_a_file_that_cannot_be_read_is_named(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    path.mkdir()
    with pytest.raises(Invalid, match="cannot be read: Is a directory"):
        await ensure_vault(store, path)
