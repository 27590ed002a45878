"""Hosts, chosen as values."""

from bastide.plan.placement import Host, Wait, choose_host, order_subnets


def host(name: str = "h", **members: int) -> Host:
    return Host(**{"id": name, "cpu_units": 2048, "memory_mib": 4096, **members})  # type: ignore[arg-type]


def choose(*hosts: Host, cpu: int = 256, memory: int = 512, overcommit: float = 4) -> Host | Wait:
    return choose_host(hosts, cpu_units=cpu, memory_mib=memory, cpu_overcommit=overcommit)


def test_without_a_host_a_task_waits() -> None:
    assert choose() is Wait.NO_HOST


def test_a_task_larger_than_every_host_is_refused() -> None:
    assert choose(host(), host(), memory=4097) is Wait.TOO_LARGE
    assert choose(host(), cpu=8193) is Wait.TOO_LARGE


def test_a_task_that_would_fit_an_empty_host_waits() -> None:
    assert choose(host(used_memory_mib=3585)) is Wait.NO_ROOM
    assert choose(host(used_cpu_units=8000)) is Wait.NO_ROOM


def test_memory_is_filled_to_the_last_mib_and_cpu_beyond() -> None:
    full = host(used_memory_mib=3584, used_cpu_units=7936)
    assert choose(full) == full


def test_the_emptiest_host_is_taken() -> None:
    empty = host("a", used_memory_mib=100)
    assert choose(host("b", used_memory_mib=200), empty, host("c", used_memory_mib=300)) == empty


def test_subnets_are_tried_from_the_promised_one() -> None:
    assert order_subnets(["a", "b", "c"], first="b") == ["b", "c", "a"]
    assert order_subnets(["a", "b"], first="gone") == ["a", "b"]
