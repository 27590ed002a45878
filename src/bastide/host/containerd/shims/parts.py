"""Which programs each runtime class takes, and where they may come from."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from bastide.host.containerd.shims.gvisor import GvisorShim
from bastide.host.containerd.shims.runc import RuncShim
from bastide.host.containerd.shims.shim import Shim
from bastide.model.status import RuntimeClass


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The programs a class takes beside containerd, and the shim made of them."""

    shim: str
    runtime: str
    are_of_machine: bool  # the machine's own will do; otherwise only those that the set-up probed
    advice: str  # where one is missing
    make: Callable[[Path, Path, Path], Shim]  # shim, runtime, run folder


PARTS: Mapping[RuntimeClass, Parts] = {
    RuntimeClass.GVISOR: Parts(
        shim="containerd-shim-runsc-v1",
        runtime="runsc",
        are_of_machine=False,
        advice="run tools/setup, or set another runtime_folder",
        make=GvisorShim,
    ),
    RuntimeClass.RUNC: Parts(
        shim="containerd-shim-runc-v2",
        runtime="runc",
        are_of_machine=True,
        advice="apt-get install containerd runc, or set another runtime_folder",
        make=RuncShim,
    ),
}
