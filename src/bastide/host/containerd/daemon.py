"""How a containerd of our own is set up: its files, its argument list, its environment.

Pure but for `write_daemon_files`. Starting and watching the process is its owner's (the program's `up`, a
test's fixture). Every path lies in the instance's folders, except the shims' sockets: containerd's shim
library puts them below /run/containerd/s whatever the settings say, named by a hash of our socket's path.
"""

import os
import sys
from pathlib import Path

import msgspec

from bastide.files import replace_file
from bastide.host.containerd.shims import Shim
from bastide.host.layers.order import MEDIA_TYPE, PLAIN_TAR, PROCESSOR_ID

UNNEEDED_PLUGINS = (  # of containerd 2.x and, where they are called otherwise, of 1.6
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
    "io.containerd.grpc.v1.cri",
    "io.containerd.image-verifier.v1.bindir",
    "io.containerd.internal.v1.opt",
    "io.containerd.monitor.container.v1.restart",
    "io.containerd.http.v1.pprof",
    "io.containerd.internal.v1.tracing",
    "io.containerd.internal.v1.restart",
    "io.containerd.monitor.task.v1.cgroups",
    "io.containerd.monitor.v1.cgroups",
    "io.containerd.nri.v1.nri",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.erofs",
    "io.containerd.snapshotter.v1.native",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.differ.v1.erofs",
    "io.containerd.mount-handler.v1.erofs",
    "io.containerd.podsandbox.controller.v1.podsandbox",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.transfer.v1.local",
    "io.containerd.grpc.v1.transfer",
)


class Daemon(msgspec.Struct, frozen=True, kw_only=True):
    """Where one containerd keeps what, and which parts it runs."""

    containerd: Path
    shim: Shim
    data_folder: Path  # images and snapshots; outlives a reboot
    run_folder: Path  # sockets and the tasks' bundles; gone after a reboot
    log_level: str = "info"

    @property
    def socket(self) -> Path:
        """containerd's gRPC address."""
        return self.run_folder / "containerd.sock"

    @property
    def config_path(self) -> Path:
        """The file containerd is started with."""
        return self.run_folder / "config.toml"

    @property
    def bin_folder(self) -> Path:
        """First on containerd's PATH: holds our way into the shim."""
        return self.run_folder / "bin"

    @property
    def argv(self) -> tuple[str, ...]:
        """The command that starts it."""
        return (str(self.containerd), "--config", str(self.config_path))

    def environment(self) -> dict[str, str]:
        """What it is started with: nothing of the caller's but the search path, which is put behind ours."""
        path = os.environ.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        return {"PATH": f"{self.bin_folder}:{self.shim.program.parent}:{path}"}


def render_config(daemon: Daemon) -> str:
    """containerd's settings, for 1.6 and 2.x: its own folders and sockets, and no plugin we do not need."""
    disabled = ",\n  ".join(f'"{plugin}"' for plugin in UNNEEDED_PLUGINS)
    return f"""version = 2
root = "{daemon.data_folder}"
state = "{daemon.run_folder}/state"
temp = "{daemon.data_folder}/tmp"
oom_score = 0
disabled_plugins = [
  {disabled}
]

[grpc]
  address = "{daemon.socket}"

[ttrpc]
  address = "{daemon.socket}.ttrpc"

[debug]
  level = "{daemon.log_level}"

[plugins."io.containerd.gc.v1.scheduler"]
  startup_delay = "30s"

[stream_processors."{PROCESSOR_ID}"]
  accepts = ["{MEDIA_TYPE}"]
  returns = "{PLAIN_TAR}"
  path = "{sys.executable}"
  args = ["-I", "-B", "-m", "bastide.host.layers"]
"""


def write_daemon_files(daemon: Daemon) -> None:
    """Make folders, settings and the shim's wrapper as they must be before a start. Repeatable."""
    for folder in (daemon.data_folder, daemon.data_folder / "tmp", daemon.run_folder, daemon.bin_folder):
        folder.mkdir(parents=True, exist_ok=True)
    # runsc writes each container's spec there, environment and all, for everybody to read.
    daemon.shim.state.mkdir(mode=0o700, exist_ok=True)
    daemon.shim.state.chmod(0o700)
    daemon.run_folder.chmod(0o711)
    daemon.data_folder.chmod(0o711)
    replace_file(daemon.config_path, render_config(daemon).encode())
    replace_file(daemon.bin_folder / daemon.shim.program.name, daemon.shim.wrapper.encode(), mode=0o755)
