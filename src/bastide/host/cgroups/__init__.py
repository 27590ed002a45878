"""One control group a task: what it may use of processors, memory and processes."""

from bastide.host.cgroups.groups import TaskCgroups, boot_quota_us
from bastide.host.cgroups.hierarchies import Hierarchies, find_hierarchies

__all__ = ["Hierarchies", "TaskCgroups", "boot_quota_us", "find_hierarchies"]
