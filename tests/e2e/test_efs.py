"""Story: a file system that an operator maps to a folder of the host is what tasks mount as their EFS."""

from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real

FS, POINT = "fs-12345678", "fsap-12345678"


def volume(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "efsVolumeConfiguration": {"fileSystemId": FS} | fields}


def run(bastide: Installation, family: str, script: str, *volumes: dict[str, Any]) -> dict[str, Any]:
    mounts = [
        {"sourceVolume": one["name"], "containerPath": f"/{one['name']}", "readOnly": one["name"] == "ro"}
        for one in volumes
    ]
    arn = bastide.register(family, shell("app", script, mountPoints=mounts), volumes=list(volumes))
    return bastide.wait(bastide.run_task(arn)[0], "STOPPED")


def test_what_one_task_writes_the_next_one_reads(bastide: Installation, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "sub").mkdir(parents=True)
    refused = run(bastide, "efs", "true", volume("data"))
    assert refused["stopCode"] == "TaskFailedToStart"
    assert refused["stoppedReason"].startswith(
        "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: "
        f'Failed to resolve "{FS}"'
    )
    said = bastide.bastide("efs", "map", FS, str(shared), "--access-point", f"{POINT}=/point,1000,1001")
    assert said == f"{FS} is {shared}\n"
    assert bastide.bastide("efs", "list") == f"{FS}  {shared}\n  {POINT}=/point,1000,1001\n"

    run(bastide, "efs", "echo hello > /data/sub/file", volume("data"))
    assert (shared / "sub" / "file").read_text() == "hello\n"
    point = volume("point", transitEncryption="ENABLED", authorizationConfig={"accessPointId": POINT})
    task = run(
        bastide,
        "efs",
        "cat /ro/file; echo x 2>/dev/null > /ro/file || echo refused; stat -c '%u %g' /point",
        volume("ro", rootDirectory="/sub"),
        point,
    )
    assert bastide.log_lines(f"t/app/{task['taskArn'].rsplit('/', 1)[-1]}") == [
        "hello",
        "refused",
        "1000 1001",
    ]
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    bastide.bastide("efs", "unmap", FS)
    assert "No file systems yet" in bastide.bastide("efs", "list")
    assert "Failed to resolve" in run(bastide, "efs", "true", volume("data"))["stoppedReason"]
