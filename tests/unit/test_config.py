"""Settings: where they come from, which wins, and what a wrong one is told."""

from pathlib import Path

import pytest

from bastide.config import DESCRIPTIONS, KEYS, Settings, parse_settings, read_settings, render_settings
from bastide.model.faults import Denied, Invalid
from bastide.model.status import RuntimeClass


def wrong(flags: dict[str, str] | None = None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(Invalid) as caught:
        read_settings(flags or {}, environ or {})
    return str(caught.value)


def test_nothing_given_is_the_defaults() -> None:
    assert read_settings({"instance": "nofile"}, {"PATH": "/bin"}) == Settings(instance="nofile")


def test_flags_win_over_variables_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('port = 1000\nregion = "eu-west-1"\naccount = "111111111111"\n')
    settings = read_settings(
        {"config": str(file), "port": "3000"}, {"BASTIDE_PORT": "2000", "BASTIDE_REGION": "eu-west-2"}
    )
    assert (settings.port, settings.region, settings.account) == (3000, "eu-west-2", "111111111111")


def test_the_file_can_be_named_by_a_variable(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("port = 1000\n")
    assert read_settings({}, {"BASTIDE_CONFIG": str(file)}).port == 1000


def test_an_unknown_key_names_the_nearest_right_one(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("prot = 1000\n")
    assert "`prot`" in wrong({"config": str(file)}) and "`port`" in wrong({"config": str(file)})
    assert str(file) in wrong({"config": str(file)})
    assert "`BASTIDE_REGION`" in wrong(environ={"BASTIDE_REGOIN": "x"})
    assert "`--data-root`" in wrong(flags={"data_rot": "x"})


def test_variables_of_the_set_up_and_the_tests_are_no_settings() -> None:
    read_settings({}, {"BASTIDE_TEST_REAL": "1", "BASTIDE_RUNTIME_CACHE": "/x"})


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("instance", "Big"),
        ("instance", "-x"),
        ("instance", "a/b"),
        ("port", "http"),
        ("port", "0"),
        ("port", "70000"),
        ("metrics_port", "4566"),
        ("region", "europe"),
        ("account", "1"),
        ("host", "localhost"),
        ("server_user", "root"),
        ("data_root", "here"),
        ("public_pool", "10.0.0.1/8"),
        ("log_level", "LOUD"),
        ("runtime", "kata"),
        ("allow_shared_kernel", "perhaps"),
        ("nofile_soft", "70000"),
        ("pids_max", "65537"),
        ("disk_reserve_percent", "91"),
    ],
)
def test_a_wrong_value_is_told_by_its_key(key: str, text: str) -> None:
    assert f"`{key}`" in wrong({key: text})


def test_a_file_that_is_no_toml_is_told_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("port: 1000")
    assert str(file) in wrong({"config": str(file)})
    assert "nowhere.toml" in wrong({"config": "/nowhere.toml"})


def test_settings_reach_a_process_as_they_are() -> None:
    settings = Settings(instance="a", runtime_folder=Path("/x"), store_url="postgresql://u:p@h/d")
    assert parse_settings(render_settings(settings)) == settings
    assert parse_settings(render_settings(Settings())) == Settings()


def test_the_password_in_the_stores_url_is_not_shown() -> None:
    assert "secret" not in repr(Settings(store_url="postgresql://u:secret@h/d"))


def test_a_password_is_refused_on_the_command_line_and_nowhere_else() -> None:
    url = "postgresql://u:secret@h/d"
    assert "secret" not in wrong({"store_url": url})
    assert read_settings({}, {"BASTIDE_STORE_URL": url}).store_url == url
    assert read_settings({"store_url": "postgresql:///d?host=/run"}, {}).store_url


def test_the_metrics_port_follows_the_port() -> None:
    assert Settings(port=5000).metrics_address == ("127.0.0.1", 5001)
    assert Settings(metrics_port=9).metrics_address == ("127.0.0.1", 9)
    assert Settings(host="::1").endpoint == "http://[::1]:4566"


def test_every_setting_is_described() -> None:
    assert set(DESCRIPTIONS) == set(KEYS)


def test_a_shared_kernel_must_be_agreed_to() -> None:
    with pytest.raises(Denied, match="--allow-shared-kernel"):
        read_settings({"runtime": "runc"}, {})
    agreed = read_settings({"runtime": "runc"}, {"BASTIDE_ALLOW_SHARED_KERNEL": "true"})
    assert (agreed.runtime, agreed.allow_shared_kernel) == (RuntimeClass.RUNC, True)
    assert parse_settings(render_settings(agreed)) == agreed
    assert read_settings({"allow_shared_kernel": "true"}, {}).runtime is RuntimeClass.GVISOR
