"""What clients inside VPCs are shown: by the name they ask for, of an authority for tasks alone."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bastide.api.tls import InsideCertificates, authority_file
from bastide.api.tls.certificates import Certificates
from bastide.api.tls.inside import KEPT_MAX
from bastide.config import Settings
from bastide.model.network import API_IP
from bastide.model.network.names import API_NAME
from tests.unit.api.tls.handshakes import shake_hands

NAMES = [
    API_IP,
    API_NAME,
    "000000000000.dkr.ecr.eu-west-1.localhost",
    "ecs.us-east-1.amazonaws.com",
    "vpce-0a1b.logs.us-east-1.vpce.amazonaws.com",
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_root=tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_that_leads_here_has_a_certificate(settings: Settings, name: str) -> None:
    made = InsideCertificates(settings)
    shake_hands(made.context, name, authority=made.authority)
    again = InsideCertificates(settings)
    shake_hands(again.context, name, authority=made.authority)


def test_another_name_has_none(settings: Settings) -> None:
    made = InsideCertificates(settings)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(made.context, "example.com", authority=made.authority)


def test_the_two_authorities_do_not_stand_for_each_other(settings: Settings) -> None:
    inside, outside = InsideCertificates(settings), Certificates(settings)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(inside.context, API_IP, authority=authority_file(settings).read_text())
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(outside.context, "localhost", authority=inside.authority)


def test_who_asks_for_many_names_is_answered_and_others_go_on(settings: Settings) -> None:
    made = InsideCertificates(settings)
    for number in range(KEPT_MAX + 2):
        shake_hands(made.context, f"n{number}.localhost", authority=made.authority)
    shake_hands(made.context, API_IP, authority=made.authority)


def test_a_certificate_is_made_anew_before_it_ends(settings: Settings) -> None:
    days = [-100]
    made = InsideCertificates(settings, now=lambda: datetime.now(UTC) + timedelta(days=days[0]))
    first, second = (shake_hands(made.context, API_IP, authority=made.authority) for _ in range(2))
    days[0] = 0
    third = shake_hands(made.context, API_IP, authority=made.authority)
    assert first == second != third
