"""A container's statistics, as whoever reads Docker's expects them."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from bastide.model.usage import ContainerUsage, DiskUse, HostCpu, Sample, Traffic
from bastide.plan.metadata.stats import render_stats
from tests.assignments import assignment, container

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MIB = 1024 * 1024
APP, SIDE = container("app", memory_mib=64), container("side")
SPEC = assignment(APP, SIDE)
QUIET = Traffic(**dict.fromkeys(Traffic.__struct_fields__, 0))
BEFORE = Sample(
    at=AT,
    host_cpu=HostCpu(total_ns=10**12, processors=2),
    containers={"app": ContainerUsage(cpu_ns=10**9, memory_bytes=MIB, processes=2)},
    traffic=QUIET,
    disk=DiskUse(used_mib=1, major=7, minor=3, reads=1, read_bytes=512, writes=2, written_bytes=1024),
)
NOW = replace(
    BEFORE,
    at=AT + timedelta(seconds=2),
    host_cpu=HostCpu(total_ns=10**12 + 4 * 10**9, processors=2),
    containers={"app": ContainerUsage(cpu_ns=3 * 10**9, memory_bytes=2 * MIB, processes=3)},
    traffic=replace(QUIET, rx_bytes=1000, rx_packets=2, tx_bytes=500),
    cpu_periods=40,
    cpu_held_back=4,
)


def test_it_is_dockers_shape() -> None:
    assert render_stats(SPEC, APP, BEFORE, NOW) == {
        "read": "2026-01-02T03:04:07Z",
        "preread": "2026-01-02T03:04:05Z",
        "pids_stats": {"current": 3},
        "blkio_stats": {
            "io_queue_recursive": [],
            "io_service_time_recursive": [],
            "io_wait_time_recursive": [],
            "io_merged_recursive": [],
            "io_time_recursive": [],
            "io_service_bytes_recursive": [
                {"major": 7, "minor": 3, "op": "Read", "value": 512},
                {"major": 7, "minor": 3, "op": "Write", "value": 1024},
                {"major": 7, "minor": 3, "op": "Total", "value": 1536},
            ],
            "io_serviced_recursive": [
                {"major": 7, "minor": 3, "op": "Read", "value": 1},
                {"major": 7, "minor": 3, "op": "Write", "value": 2},
                {"major": 7, "minor": 3, "op": "Total", "value": 3},
            ],
        },
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": {
            "cpu_usage": {"total_usage": 3 * 10**9},
            "system_cpu_usage": 10**12 + 4 * 10**9,
            "online_cpus": 2,
            "throttling_data": {"periods": 40, "throttled_periods": 4},
        },
        "precpu_stats": {
            "cpu_usage": {"total_usage": 10**9},
            "system_cpu_usage": 10**12,
            "online_cpus": 2,
            "throttling_data": {"periods": 0, "throttled_periods": 0},
        },
        "memory_stats": {
            "usage": 2 * MIB,
            "stats": {"hierarchical_memory_limit": 64 * MIB},
            "limit": 64 * MIB,
        },
        "name": "app",
        "id": APP.runtime_id,
        "networks": {
            "eth0": {
                "rx_bytes": 1000,
                "rx_packets": 2,
                "rx_errors": 0,
                "rx_dropped": 0,
                "tx_bytes": 500,
                "tx_packets": 0,
                "tx_errors": 0,
                "tx_dropped": 0,
            }
        },
        "network_rate_stats": {"rx_bytes_per_sec": 500.0, "tx_bytes_per_sec": 250.0},
    }


def test_a_container_that_does_not_run_has_none() -> None:
    assert render_stats(SPEC, SIDE, BEFORE, NOW) is None


def test_without_a_limit_of_its_own_it_has_the_tasks() -> None:
    running = replace(NOW, containers={"side": NOW.containers["app"]})
    shown = render_stats(SPEC, SIDE, BEFORE, running)
    assert shown is not None
    assert shown["memory_stats"]["limit"] == SPEC.memory_mib * MIB
    assert shown["precpu_stats"]["cpu_usage"]["total_usage"] == 0


def test_what_the_host_does_not_say_is_left_out() -> None:
    shown = render_stats(SPEC, APP, replace(BEFORE, traffic=None), replace(NOW, disk=None))
    assert shown is not None
    assert shown["blkio_stats"]["io_serviced_recursive"] == []
    assert ("networks" in shown, "network_rate_stats" in shown) == (True, False)
