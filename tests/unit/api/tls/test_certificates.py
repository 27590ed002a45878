"""The authority and what it signs: for its own names, kept, renewed, replaced by the user's."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bastide.api.tls.authority import Authority, authority_file, names_in, tls_folder
from bastide.api.tls.certificates import Certificates, server_names
from bastide.config import Settings
from bastide.model.faults import Invalid
from tests.unit.api.tls.handshakes import shake_hands

NOW = datetime.now(UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_root=tmp_path, host="192.0.2.7")


def test_every_name_the_server_is_reached_by_is_in_its_certificate(settings: Settings) -> None:
    Certificates(settings, now=lambda: NOW)
    names, ends_at = names_in((tls_folder(settings) / "server.pem").read_bytes())
    assert names == set(server_names(settings))
    assert {"localhost", "127.0.0.1", "192.0.2.7", "*.dkr.ecr.us-east-1.localhost"} <= names
    assert NOW + timedelta(days=390) < ends_at < NOW + timedelta(days=398)


def test_keys_are_their_owners_alone(settings: Settings) -> None:
    Certificates(settings, now=lambda: NOW)
    for path in tls_folder(settings).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_authority_and_certificate_stay_until_a_month_before_the_end(settings: Settings) -> None:
    Certificates(settings, now=lambda: NOW)
    authority, leaf = authority_file(settings), tls_folder(settings) / "server.pem"
    before = authority.read_bytes(), leaf.read_bytes()
    Certificates(settings, now=lambda: NOW + timedelta(days=360))
    assert (authority.read_bytes(), leaf.read_bytes()) == before
    Certificates(settings, now=lambda: NOW + timedelta(days=370))
    assert authority.read_bytes() == before[0]
    assert leaf.read_bytes() != before[1]


def test_another_domain_is_trusted_by_whoever_takes_the_authority_anew(settings: Settings) -> None:
    name = "111122223333.dkr.ecr.eu-west-1.images.example.test"
    Certificates(settings)
    before = authority_file(settings).read_text()
    moved = Certificates(msgspec.structs.replace(settings, registry_domain="images.example.test"))
    after = authority_file(settings).read_text()
    for trusted in ("localhost", "192.0.2.7", name):
        shake_hands(moved.context, trusted, authority=after)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        shake_hands(moved.context, name, authority=before)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(moved.context, "images.example.test", authority=after)


def test_the_users_certificate_replaces_ours_and_a_changed_file_is_taken_up(
    settings: Settings, tmp_path: Path
) -> None:
    authority = Authority.ensure(settings, ["localhost"], now=NOW)
    certificate, key = tmp_path / "mine.pem", tmp_path / "mine.key"

    def write() -> None:
        secret, signed = authority.issue(["localhost"], now=NOW)
        key.write_bytes(secret)
        certificate.write_bytes(signed)

    write()
    own = Settings(data_root=tmp_path, tls_certificate=str(certificate), tls_key=str(key))
    shown = Certificates(own)
    assert isinstance(shown.context, ssl.SSLContext)
    write()
    shown.refresh()
    key.write_text("nonsense")
    with pytest.raises(Invalid, match="cannot be used"):
        shown.refresh()
    assert not (tls_folder(own) / "server.pem").exists()
