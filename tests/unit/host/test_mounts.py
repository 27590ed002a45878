"""Lines of mountinfo."""

from bastide.host.mounts import parse_mount


def test_a_line_with_optional_fields() -> None:
    line = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue"
    mount = parse_mount(line)
    assert (mount.root, mount.target, mount.type) == ("/mnt1", "/mnt2", "ext3")
    assert (mount.source, mount.options) == ("/dev/root", "rw,errors=continue")


def test_a_line_without_them() -> None:
    assert parse_mount("22 27 0:21 / /proc rw - proc proc rw").target == "/proc"


def test_spaces_in_a_path_are_octal() -> None:
    mount = parse_mount(r"22 27 0:21 / /a\040b\134c rw - ext4 /dev/loop0 rw")
    assert mount.target == "/a b\\c"
