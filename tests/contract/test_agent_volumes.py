"""Which folders the agent makes for a task's mounts, and what is in them before a container runs."""

from pathlib import Path

import pytest

from bastide.agent.volumes import declared_volumes, ensure_volumes
from bastide.host.ports import ImageConfig
from bastide.model.assignment import Assignment, EfsVolume, Mount, Volume
from bastide.model.faults import Invalid
from tests.assignments import TASK_ID, assignment, container
from tests.fakes.disks import FakeDisks

SHARED = Mount(volume="shared", path="/data/")
SPEC = assignment(container("app", mounts=(SHARED,)), volumes=(Volume(name="shared"),))


def image(*volumes: str) -> dict[str, ImageConfig]:
    return {"app": ImageConfig(reference="app:1", digest="sha256:0", volumes=volumes)}


class Bench:
    """A disk, and one container's root with two folders of content."""

    def __init__(self, folder: Path) -> None:
        self.disks = FakeDisks(folder / "disks")
        self.disk = folder / "disk"
        self.root = folder / "root"
        for name in ("data", "cache"):
            (self.root / name).mkdir(parents=True)
            (self.root / name / name).write_text(name)

    async def make(self, spec: Assignment, *declared: str) -> tuple[dict[str, str], dict[str, str]]:
        """Paths of the task's volumes by name, and of the image's by path."""
        folders = await ensure_volumes(spec, self.disks, self.disk, {"app": self.root}, image(*declared))
        return dict(folders.named), dict(folders.of_images["app"])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_volume_has_the_images_content(bench: Bench) -> None:
    named, of_image = await bench.make(SPEC)
    assert [path.name for path in Path(named["shared"]).iterdir()] == ["data"]
    assert of_image == {}


async def test_an_images_own_volume_is_a_folder_of_that_container(bench: Bench) -> None:
    named, of_image = await bench.make(SPEC, "/cache", "/data")
    assert list(of_image) == ["/cache"]  # where the task definition mounts something, that counts
    assert [path.name for path in Path(of_image["/cache"]).iterdir()] == ["cache"]
    (Path(of_image["/cache"]) / "cache").unlink()
    assert await bench.make(SPEC, "/data", "/cache/") == (named, of_image)
    assert list(Path(of_image["/cache"]).iterdir()) == []


def test_what_cannot_be_a_volume_is_passed_over() -> None:
    declared = ("/", "proc", "/proc/x", "/dev", "/sys/fs", "//x", "/etc/hosts", "/b/../a", "/a")
    assert declared_volumes(image(*declared)["app"]) == ["/a"]


async def test_a_file_system_comes_from_the_host(bench: Bench, tmp_path: Path) -> None:
    spec = assignment(
        container("app"), volumes=(Volume(name="far", efs=EfsVolume(file_system_id="fs-12345678")),)
    )
    with pytest.raises(Invalid, match="failed to invoke EFS utils"):
        await bench.make(spec)
    bench.disks.file_systems["fs-12345678"] = tmp_path
    named, _ = await bench.make(spec)
    assert named == {"far": str(tmp_path)}
    assert TASK_ID not in await bench.disks.read_disks()
