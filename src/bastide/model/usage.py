"""What a task uses, as counted at one moment: only the difference between two says how fast."""

from collections.abc import Mapping
from datetime import datetime

import msgspec


class ContainerUsage(msgspec.Struct, frozen=True, kw_only=True):
    """One container, by its runtime's count."""

    cpu_ns: int  # since it began
    memory_bytes: int
    processes: int


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Of the task's interface, as the task sees it."""

    rx_bytes: int
    rx_packets: int
    rx_errors: int
    rx_dropped: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    tx_dropped: int


class DiskUse(msgspec.Struct, frozen=True, kw_only=True):
    """Of the task's own disk."""

    used_mib: int
    major: int  # of its block device
    minor: int
    reads: int
    read_bytes: int
    writes: int
    written_bytes: int


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The host's clock, and how far it may be off."""

    at: datetime
    is_synchronized: bool
    error_bound_ms: float


class HostCpu(msgspec.Struct, frozen=True, kw_only=True):
    """What all of the host's processors have done since it was started, idling included."""

    total_ns: int
    processors: int


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A task at one moment; what could not be read is left out."""

    at: datetime
    host_cpu: HostCpu
    containers: Mapping[str, ContainerUsage] = {}  # running ones, by name
    traffic: Traffic | None = None
    disk: DiskUse | None = None
    cpu_periods: int = 0  # of the task's quota, in which anything ran
    cpu_held_back: int = 0  # of these, ended early because the quota was used up
