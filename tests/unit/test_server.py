"""The server's composition root refuses what it must never be."""

import os

import pytest

from bastide.config import Settings
from bastide.model.faults import Denied
from bastide.server import run_server


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be refused for being root")
def test_the_server_refuses_to_be_root() -> None:
    with pytest.raises(Denied, match="never runs as root"):
        run_server(Settings())
