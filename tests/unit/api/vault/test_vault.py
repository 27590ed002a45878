"""Values are sealed for one record, by one key, and come back or say why not."""

import pytest

from bastide.api.vault import Vault
from bastide.api.vault.vault import DAMAGED, OTHER_KEY
from bastide.model.faults import Invalid

KEY, OTHER = bytes(range(32)), bytes(32)


def why(vault: Vault, sealed: bytes, identity: str) -> str:
    with pytest.raises(Invalid) as caught:
        vault.open(sealed, identity)
    return caught.value.why


@pytest.mark.parametrize("value", [b"", b"hunter2", bytes(range(256)) * 300])
def test_what_is_sealed_opens(value: bytes) -> None:
    sealed = Vault(KEY).seal(value, "secret/a")
    assert value == b"" or value not in sealed
    assert Vault(KEY).open(sealed, "secret/a") == value


def test_text_of_any_kind_opens() -> None:
    text = "pässword \ud800 ☃ \0"
    assert Vault(KEY).open_text(Vault(KEY).seal_text(text, "a"), "a") == text


def test_two_seals_of_one_value_differ() -> None:
    assert Vault(KEY).seal(b"x", "a") != Vault(KEY).seal(b"x", "a")


def test_a_value_moved_to_another_record_does_not_open() -> None:
    assert why(Vault(KEY), Vault(KEY).seal(b"x", "secret/a"), "secret/b") == DAMAGED


def test_a_value_of_another_key_is_told_from_a_damaged_one() -> None:
    sealed = Vault(KEY).seal(b"x", "a")
    assert why(Vault(OTHER), sealed, "a") == OTHER_KEY
    for at in (0, 8, len(sealed) - 1):
        damaged = bytes(byte ^ (index == at) for index, byte in enumerate(sealed))
        assert why(Vault(KEY), damaged, "a") == DAMAGED
    for cut in range(len(sealed)):
        assert why(Vault(KEY), sealed[:cut], "a") == DAMAGED


def test_text_that_is_no_seal_is_damaged() -> None:
    for text in ("", "!", "é", "AAAA"):
        with pytest.raises(Invalid):
            Vault(KEY).open_text(text, "a")


def test_neither_key_nor_value_is_in_a_repr() -> None:
    assert KEY.hex() not in repr(Vault(KEY))
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(b"short")
