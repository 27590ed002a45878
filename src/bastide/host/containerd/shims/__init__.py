"""What differs between the runtime classes on containerd's side: programs, options, one removal, one reading.

A shim is the process between containerd and a task's containers. Both kinds are grouped: one for a whole
task, found by the annotation that names its sandbox.
"""

from bastide.host.containerd.shims.gvisor import GvisorShim
from bastide.host.containerd.shims.parts import PARTS, Parts
from bastide.host.containerd.shims.runc import RuncShim
from bastide.host.containerd.shims.shim import Shim

__all__ = ["PARTS", "GvisorShim", "Parts", "RuncShim", "Shim"]
