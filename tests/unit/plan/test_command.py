"""What is run, and by which signal it is stopped."""

import pytest

from bastide.model.faults import Invalid
from bastide.plan.command import parse_signal, plan_arguments, plan_environment, plan_working_directory
from bastide.plan.oci.capabilities import DOCKER_DEFAULT, plan_capabilities


@pytest.mark.parametrize(
    ("entry_point", "command", "expected"),
    [
        (None, None, ("image", "command")),
        (None, ("mine",), ("image", "mine")),
        (("own",), None, ("own",)),
        (("own",), ("mine",), ("own", "mine")),
        ((), (), ("image", "command")),
        ((), ("mine",), ("image", "mine")),
        (("own",), (), ("own",)),
    ],
)
def test_an_entry_point_makes_the_images_command_void(
    entry_point: tuple[str, ...] | None, command: tuple[str, ...] | None, expected: tuple[str, ...]
) -> None:
    found = plan_arguments(
        entry_point=entry_point,
        command=command,
        image_entry_point=("image",),
        image_command=("command",),
    )
    assert found == expected


def test_nothing_to_run_is_invalid() -> None:
    with pytest.raises(Invalid):
        plan_arguments(entry_point=None, command=None, image_entry_point=(), image_command=())


def test_later_layers_of_the_environment_win() -> None:
    image = ("A=image", "B=image=with=equals", "NOVALUE", "=nameless", "EMPTY=")
    found = plan_environment(image, {"A": "platform"}, {"A": "task"}, defaults={"A": "d", "C": "default"})
    assert found == ("A=task", "C=default", "B=image=with=equals", "EMPTY=")


@pytest.mark.parametrize(
    ("asked", "image", "expected"),
    [
        (None, "", "/"),
        (None, "/srv", "/srv"),
        ("/app/../data/", "/srv", "/data"),
        ("relative", "", "/relative"),
        ("../..", "", "/"),
        ("//x", "", "/x"),
    ],
)
def test_the_working_directory_is_absolute(asked: str | None, image: str, expected: str) -> None:
    assert plan_working_directory(asked, image) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SIGTERM", 15),
        ("term", 15),
        ("9", 9),
        ("SIGQUIT", 3),
        ("SIGRTMIN", 34),
        ("SIGRTMIN+3", 37),
        ("RTMAX-1", 63),
        (" SIGINT ", 2),
    ],
)
def test_a_stop_signal_has_many_spellings(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["", "SIGNONE", "0", "65", "-1", "RTMIN+40", "RTMAX+1", "SIG_DFL"])
def test_what_is_no_signal_is_invalid(text: str) -> None:
    with pytest.raises(Invalid, match="invalid signal"):
        parse_signal(text)


@pytest.mark.parametrize(
    ("add", "drop", "expected"),
    [
        ((), (), DOCKER_DEFAULT),
        (("SYS_PTRACE",), (), (*DOCKER_DEFAULT, "CAP_SYS_PTRACE")),
        ((), ("ALL",), ()),
        (("SYS_PTRACE",), ("ALL",), ("CAP_SYS_PTRACE",)),
        (("SYS_ADMIN", "NET_ADMIN"), ("ALL",), ()),
        (("ALL",), ("all",), ("CAP_SYS_PTRACE",)),
        (("KILL",), ("CAP_KILL",), tuple(name for name in DOCKER_DEFAULT if name != "CAP_KILL")),
        (
            (),
            ("net_raw", "NOT_A_CAPABILITY"),
            tuple(name for name in DOCKER_DEFAULT if name != "CAP_NET_RAW"),
        ),
    ],
)
def test_nothing_but_sys_ptrace_can_be_added(
    add: tuple[str, ...], drop: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert plan_capabilities(add=add, drop=drop) == expected
