"""What the doctor says to do: the surely right thing first."""

import shutil

import pytest

from bastide.cli.doctor.diagnosis import PACKAGES, PROBES, advise

RULE = next(probe for probe in PROBES if probe.name == "nft rule")


def test_every_program_has_its_package() -> None:
    assert {name for probe in PROBES for name in probe.programs} == set(PACKAGES)


def test_a_missing_program_is_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "nft" else f"/usr/bin/{name}")
    assert advise(RULE, OSError("whatever")) == "Install nft: apt-get install nftables"


def test_a_full_disk_is_told_whatever_was_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert "--data-root" in advise(RULE, OSError(28, "No space left on device"))
    assert "modprobe" in advise(RULE, OSError("Operation not supported"))
