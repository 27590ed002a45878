"""What the program writes: durations, INI sections, its own words."""

import pytest

from bastide.cli import FAILED, build_parser, main
from bastide.cli.commands import MISUSED
from bastide.cli.env import render_with_section
from bastide.cli.status import render_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3725, "1 h 2 min"),
        (90061, "1 d 1 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert render_duration(seconds) == text


def test_a_section_is_added_behind_what_is_there() -> None:
    before = "# mine\n[default]\nregion = x\n"
    assert render_with_section(before, "bastide", {"a": "1"}) == before + "\n[bastide]\na = 1\n"
    assert render_with_section("", "bastide", {"a": "1"}) == "[bastide]\na = 1\n"


def test_a_section_is_replaced_and_nothing_else_touched() -> None:
    before = "[default]\nregion = x\n\n[ bastide ]\nold = 1\n\n[other]\n# kept\nb = 2\n"
    after = render_with_section(before, "bastide", {"a": "1"})
    assert after == "[default]\nregion = x\n\n[other]\n# kept\nb = 2\n\n[bastide]\na = 1\n"
    assert render_with_section(after, "bastide", {"a": "1"}) == after


def test_every_setting_is_a_flag_of_every_command() -> None:
    args = build_parser().parse_args(["up", "--instance", "two", "--metrics-port", "9"])
    assert (args.setting_instance, args.setting_metrics_port, args.setting_port) == ("two", "9", None)


def test_a_switch_may_stand_alone() -> None:
    args = build_parser().parse_args(["up", "--allow-shared-kernel", "--runtime", "runc"])
    assert (args.setting_allow_shared_kernel, args.setting_runtime) == ("true", "runc")


def test_the_words_for_service_files_are_not_shown() -> None:
    shown = build_parser().format_help()
    assert "doctor" in shown and "prepare" not in shown and "SUPPRESS" not in shown


@pytest.mark.parametrize("typed", ["image list --instance two", "image --instance two list"])
def test_a_setting_may_stand_behind_either_word(typed: str) -> None:
    assert build_parser().parse_args(typed.split()).setting_instance == "two"


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("stauts", "`bastide status`"),
        ("up --prot 5", "`--port`"),
        ("down --stop-task", "`--stop-tasks`"),
        ("image list --instanc x", "`--instance`"),
        ("up now", "bastide up --help"),
    ],
)
def test_what_is_misspelled_is_told_with_the_nearest_right_word(
    typed: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(typed.split()) == FAILED
    said = capsys.readouterr().err
    assert hint in said and said.count("\n") == 1


def test_a_missing_word_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["image"])
    assert ended.value.code == MISUSED
    assert capsys.readouterr().err.splitlines() == [
        "bastide: the following arguments are required: import|list|prune|remove. See: bastide image --help"
    ]


def test_without_a_command_everything_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == MISUSED
    assert "doctor" in capsys.readouterr().out
