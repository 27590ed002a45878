"""Names of what is made on a host."""

from hypothesis import given
from hypothesis import strategies as st

from bastide.config import INSTANCE_NAME
from bastide.host import names
from bastide.model.network import ENI_LINKS, eni_link

LINK_NAME_MAX = 15  # IFNAMSIZ less its final zero


@given(st.from_regex(INSTANCE_NAME, fullmatch=True), st.text("0123456789abcdef", min_size=32, max_size=32))
def test_link_names_fit_and_show_their_kind(instance: str, task_id: str) -> None:
    transit, eni = names.transit_link(instance, "vpc-0123456789abcdef0"), eni_link(task_id)
    assert len(transit) <= LINK_NAME_MAX
    assert len(eni) <= LINK_NAME_MAX
    assert transit.startswith(names.transit_prefix(instance))
    assert names.transit_prefix(instance).startswith(names.TRANSIT_LINKS)
    assert eni.startswith(ENI_LINKS)
    assert not eni.startswith(names.TRANSIT_LINKS)


def test_two_instances_share_no_name() -> None:
    assert names.transit_link("one", "vpc-1") != names.transit_link("two", "vpc-1")
    assert names.host_table("one") != names.host_table("two")
    assert names.task_netns("one", "1") != names.task_netns("two", "1")
