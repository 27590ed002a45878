"""What a container is given to trust: the authority alone, and beside those of its image."""

from pathlib import Path

import pytest

from bastide.agent.network.trust import BUNDLES, Trust

OURS = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n"
THEIRS = "-----BEGIN CERTIFICATE-----\ntheirs\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("path", BUNDLES)
def test_a_bundle_is_ours_and_the_images_own(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True)
    file.write_text(THEIRS)
    trust = Trust(tmp_path / "kept.pem")
    trust.learn(OURS)
    files = trust.write(tmp_path, {"app": root})["app"]
    assert Path(files.authority).read_text() == OURS
    assert Path(files.bundle).read_text() == f"{OURS}\n{THEIRS}"
    assert Path(files.bundle).stat().st_mode & 0o777 == 0o644


def test_an_image_without_any_gets_more_than_ours_where_the_host_has_some(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    trust = Trust(tmp_path / "kept.pem")
    trust.learn(OURS)
    files = trust.write(tmp_path, {"app": tmp_path / "root"})["app"]
    hosts = next((Path(each).read_text() for each in BUNDLES if Path(each).exists()), "")
    assert Path(files.bundle).read_text() == f"{OURS}\n{hosts}"


def test_it_is_known_without_the_server_and_nothing_is_given_before_it_was_told(tmp_path: Path) -> None:
    assert Trust(tmp_path / "kept.pem").write(tmp_path, {"app": tmp_path}) == {}
    Trust(tmp_path / "kept.pem").learn(OURS)
    assert set(Trust(tmp_path / "kept.pem").write(tmp_path, {"app": tmp_path})) == {"app"}
