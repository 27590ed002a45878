"""Random networks through real namespaces: real packets get the verdict AWS would give."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real_host import require_root

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[3]
NETWORKS = 5


@pytest.mark.parametrize("seed", [1, 2])
def test_real_packets_get_awss_verdict(tmp_path: Path, seed: int) -> None:
    require_root("nft", "ip", "nsenter", "unshare")
    argv = ["unshare", "--net", sys.executable, "-m", "tests.contract.network.sample"]
    done = subprocess.run(
        [*argv, str(tmp_path), str(seed), str(NETWORKS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sent, arrived, _ = (int(word) for word in done.stdout.splitlines()[-1].split() if word.isdigit())
    assert sent > 100
    assert 10 < arrived < sent
