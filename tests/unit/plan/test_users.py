"""Who a container runs as, by Docker's rules, whatever the image's files say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.model.faults import Invalid
from bastide.plan.users import Account, resolve_account

PASSWD = """root:x:0:0:root:/root:/bin/sh
# a comment: with: colons
app:x:1000:1001:App:/home/app:/bin/sh
broken line
app:x:4444:4444:second:/second:/bin/sh
77:x:5000:5000:a name of digits:/digits:/bin/sh
homeless:x:6000:6000
huge:x:99999999999:1:::
"""
GROUP = """root:x:0:root
app:x:1001:
web:x:2000:app,other
logs:x:2001:other,app
88:x:3000:
bad
"""


def account(uid: int, gid: int, *others: int, home: str = "/") -> Account:
    return Account(uid=uid, gid=gid, groups=(gid, *others), home=home)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", account(0, 0, home="/root")),
        ("root", account(0, 0, home="/root")),
        ("app", account(1000, 1001, 2000, 2001, home="/home/app")),
        ("1000", account(1000, 1001, 2000, 2001, home="/home/app")),
        ("app:web", account(1000, 2000, home="/home/app")),
        ("app:2000", account(1000, 2000, home="/home/app")),
        ("app:7777", account(1000, 7777, home="/home/app")),
        ("1234", account(1234, 0)),
        ("1234:5678", account(1234, 5678)),
        ("77", account(5000, 5000, home="/digits")),
        ("1234:88", account(1234, 3000)),
        ("homeless", account(6000, 6000)),
        (":web", account(0, 2000, home="/root")),
        ("app:", account(1000, 1001, 2000, 2001, home="/home/app")),
    ],
)
def test_a_user_is_found_as_docker_finds_it(user: str, expected: Account) -> None:
    assert resolve_account(user, passwd=PASSWD, group=GROUP) == expected


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ("nobody", "unable to find user nobody: no matching entries in passwd file"),
        ("app:none", "unable to find group none: no matching entries in group file"),
        ("2147483648", "unable to find user 2147483648"),
        ("-1", "unable to find user -1"),
        ("huge", "unable to find user huge"),
        ("١", "unable to find user"),  # a digit, but not one of ours
    ],
)
def test_what_cannot_be_found_is_invalid(user: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        resolve_account(user, passwd=PASSWD, group=GROUP)


def test_an_image_without_files_takes_numbers_alone() -> None:
    assert resolve_account("", passwd="", group="") == account(0, 0)
    assert resolve_account("5:6", passwd="", group="") == account(5, 6)


@given(st.text(), st.text(), st.text())
def test_nonsense_is_an_account_or_invalid(user: str, passwd: str, group: str) -> None:
    try:
        found = resolve_account(user, passwd=passwd, group=group)
    except Invalid:
        return
    assert 0 <= found.uid < 2**31
    assert all(0 <= gid < 2**31 for gid in found.groups)
    assert found.groups[0] == found.gid
