"""What answers but was not started by `bastide up` is left to whoever started it."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bastide.cli.processes.services import check_started_by_us
from bastide.config import Settings
from bastide.model.faults import Conflict


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An instance that never was started."""
    port = socket.create_server(("127.0.0.1", 0))
    with port:
        number = port.getsockname()[1]
    return Settings(data_root=tmp_path / "data", run_root=tmp_path, port=number)


@pytest.fixture
def foreign_containerd(settings: Settings) -> Iterator[None]:
    """Greets on its socket as a gRPC server does."""
    settings.containerd_socket.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(settings.containerd_socket))
        listening.listen()

        def greet() -> None:
            line, _ = listening.accept()
            with line:
                line.recv(64)
                line.sendall(b"\0\0\0\4\0\0\0\0\0")

        greeting = threading.Thread(target=greet)
        greeting.start()
        yield
        greeting.join()


def test_nothing_that_runs_is_nothing_foreign(settings: Settings) -> None:
    check_started_by_us(settings)


@pytest.mark.usefixtures("foreign_containerd")
def test_a_process_of_a_service_file_is_named_with_its_target(settings: Settings) -> None:
    with pytest.raises(Conflict, match=r"started containerd.*bastide@bastide\.target"):
        check_started_by_us(settings)
