"""The official conformance suite of the distribution spec, whole, with every optional part it knows."""

import asyncio
import os
from pathlib import Path

import pytest
from installing.development import find_program

from tests.contract.registry.conftest import Registry

# Beyond the spec's defaults: headers that it lets a registry leave out, and what its next version adds.
OPTIONS = {
    "OCI_VERSION": "1.1",
    "OCI_API_BLOBS_DIGEST_HEADER": "true",
    "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
    "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_TAG_PARAM": "true",
}


@pytest.mark.real
@pytest.mark.long
@pytest.mark.parametrize("tls", ["disabled", "enabled"])
async def test_the_official_suite_passes_whole(
    registry: Registry, authority: Path, tls: str, tmp_path: Path
) -> None:
    program = find_program("conformance")
    if not program.exists() and os.environ.get("BASTIDE_TEST_REAL") != "1":
        pytest.skip("the conformance suite is not built: tools/setup --dev")
    environment = {
        "PATH": os.environ["PATH"],
        "OCI_REGISTRY": f"127.0.0.1:{registry.served.port}",
        "OCI_TLS": tls,
        "OCI_REPO1": "app",
        "OCI_REPO2": "other",
        "OCI_USERNAME": "AWS",
        "OCI_PASSWORD": registry.password,
        "OCI_RESULTS_DIR": str(tmp_path / "results"),
        "SSL_CERT_FILE": str(authority),
    }
    process = await asyncio.create_subprocess_exec(
        program,
        env=environment | OPTIONS,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    counts = counts_of(said.decode())
    assert process.returncode == 0, said.decode()
    assert counts["FAIL"] == counts["Error"] == counts["Skip"] == 0, said.decode()
    assert counts["Pass"] == counts["Total"] > 900


def counts_of(text: str) -> dict[str, int]:
    """The summary's lines: a name, dots, a number."""
    pairs = (line.strip().rstrip().rpartition(":") for line in text.splitlines() if "...:" in line)
    return {name.rstrip("."): int(value) for name, _, value in pairs if value.strip().isdigit()}
