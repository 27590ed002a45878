"""An application over its memory: its container's or its task's, and nobody else notices."""

import pytest

from tests.installation import Installation, ask, shell, until

pytestmark = pytest.mark.real

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
SERVE = "echo well > /tmp/index.html; exec httpd -f -p 80 -h /tmp"
# Fills the page cache beyond the limit first: what is cached is nobody's memory.
HOG = "dd if=/dev/zero of=/cached bs=1M count=200 2>/dev/null; sleep 2; tail -c 400m /dev/zero"


def test_a_container_over_its_hard_memory_ends_alone(bastide: Installation) -> None:
    hog = shell("hog", HOG, essential=False, memory=128, log=False)
    app = shell("app", SERVE, log=False, stopTimeout=2)
    arn = bastide.register("container-memory", app, hog, cpu="1024", memory="2048")
    task = bastide.run_task(arn, public=True)[0]
    running = bastide.wait(task, "RUNNING")
    address = f"http://{bastide.public_address(running)}/"
    assert until(lambda: ask(address)) == "well\n"

    def killed() -> dict[str, object] | None:
        found = {each["name"]: each for each in bastide.describe(task)[0]["containers"]}["hog"]
        return found if found["lastStatus"] == "STOPPED" else None

    ended = until(killed, timeout_s=30)
    assert (ended["exitCode"], ended["reason"]) == (137, OUT_OF_MEMORY)
    after = bastide.describe(task)[0]
    assert (after["lastStatus"], after["startedAt"]) == ("RUNNING", running["startedAt"])
    assert ask(address) == "well\n"
    bastide.stop(task)


def test_a_task_over_its_memory_ends_and_its_neighbour_does_not_notice(bastide: Installation) -> None:
    neighbour = bastide.run_task(
        bastide.register("neighbour", shell("app", SERVE, log=False, stopTimeout=2)), public=True
    )[0]
    before = bastide.wait(neighbour, "RUNNING")
    address = f"http://{bastide.public_address(before)}/"
    hog = bastide.register("task-memory", shell("app", "tail -c 2000m /dev/zero", log=False))
    stopped = bastide.wait(bastide.run_task(hog)[0], "STOPPED")
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert stopped["stoppedReason"] == "Essential container in task exited"
    container = stopped["containers"][0]
    assert (container["exitCode"], container["reason"]) == (137, OUT_OF_MEMORY)
    assert ask(address) == "well\n"
    after = bastide.describe(neighbour)[0]
    assert (after["lastStatus"], after["startedAt"]) == ("RUNNING", before["startedAt"])
    bastide.stop(neighbour)


def test_an_essential_container_over_its_memory_ends_the_task(bastide: Installation) -> None:
    arn = bastide.register(
        "essential-memory",
        shell("app", "sleep 1; tail -c 400m /dev/zero", memory=64, log=False),
        shell("side", "exec sleep 1000", essential=False, log=False, stopTimeout=2),
        memory="1024",
    )
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    assert stopped["stoppedReason"] == "Essential container in task exited"
    app = next(each for each in stopped["containers"] if each["name"] == "app")
    assert (app["exitCode"], app["reason"]) == (137, OUT_OF_MEMORY)
    side = next(each for each in stopped["containers"] if each["name"] == "side")
    assert "reason" not in side
