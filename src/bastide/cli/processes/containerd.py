"""The installation's containerd: where its programs and folders are."""

from bastide.config import Settings, find_runtime_folder
from bastide.host.containerd.daemon import Daemon


def daemon_of(settings: Settings) -> Daemon:
    """The installation's containerd."""
    return Daemon(
        runtime_folder=find_runtime_folder(settings),
        data_folder=settings.data_folder / "containerd",
        run_folder=settings.containerd_socket.parent,
    )
