"""A container's statistics in the shape of Docker's, from two samples of its task. Pure.

What is not counted for a container by itself is the task's: interface, disk, and the quota's periods. A
member that nobody counts is left out.
"""

from typing import Any

from bastide.model.assignment import Assignment, Container
from bastide.model.usage import ContainerUsage, DiskUse, Sample, Traffic
from bastide.plan.metadata.containers import Document, render_time

MIB = 1024 * 1024
INTERFACE = "eth0"
_EMPTY = ("io_queue", "io_service_time", "io_wait_time", "io_merged", "io_time")


def render_stats(spec: Assignment, container: Container, before: Sample, now: Sample) -> Document | None:
    """None while the container does not run."""
    used = now.containers.get(container.name)
    if used is None:
        return None
    shown: Document = {
        "read": render_time(now.at),
        "preread": render_time(before.at),
        "pids_stats": {"current": used.processes},
        "blkio_stats": _blkio(now.disk),
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _cpu(now, used),
        "precpu_stats": _cpu(before, before.containers.get(container.name)),
        "memory_stats": _memory(spec, container, used),
        "name": container.name,
        "id": container.runtime_id,
    }
    if now.traffic is not None:
        shown["networks"] = {INTERFACE: _traffic(now.traffic)}
        shown |= _rates(before, now)
    return shown


def _cpu(sample: Sample, used: ContainerUsage | None) -> Document:
    return {
        "cpu_usage": {"total_usage": used.cpu_ns if used is not None else 0},
        "system_cpu_usage": sample.host_cpu.total_ns,
        "online_cpus": sample.host_cpu.processors,
        "throttling_data": {"periods": sample.cpu_periods, "throttled_periods": sample.cpu_held_back},
    }


def _memory(spec: Assignment, container: Container, used: ContainerUsage) -> Document:
    limit = min(container.memory_mib or spec.memory_mib, spec.memory_mib) * MIB
    return {"usage": used.memory_bytes, "stats": {"hierarchical_memory_limit": limit}, "limit": limit}


def _blkio(disk: DiskUse | None) -> Document:
    """Docker's of cgroup v1: reads, writes and both together, of one device."""
    shown: dict[str, Any] = {f"{name}_recursive": [] for name in _EMPTY}
    if disk is None:
        return {**shown, "io_service_bytes_recursive": [], "io_serviced_recursive": []}
    return {
        **shown,
        "io_service_bytes_recursive": _entries(disk, disk.read_bytes, disk.written_bytes),
        "io_serviced_recursive": _entries(disk, disk.reads, disk.writes),
    }


def _entries(disk: DiskUse, read: int, written: int) -> list[Document]:
    counts = {"Read": read, "Write": written, "Total": read + written}
    return [
        {"major": disk.major, "minor": disk.minor, "op": name, "value": value}
        for name, value in counts.items()
    ]


def _traffic(traffic: Traffic) -> Document:
    return {name: getattr(traffic, name) for name in traffic.__struct_fields__}


def _rates(before: Sample, now: Sample) -> Document:
    """Bytes a second between the two."""
    seconds = (now.at - before.at).total_seconds()
    if before.traffic is None or now.traffic is None or seconds <= 0:
        return {}
    rates = {
        "rx_bytes_per_sec": max(0, now.traffic.rx_bytes - before.traffic.rx_bytes) / seconds,
        "tx_bytes_per_sec": max(0, now.traffic.tx_bytes - before.traffic.tx_bytes) / seconds,
    }
    return {"network_rate_stats": rates}
