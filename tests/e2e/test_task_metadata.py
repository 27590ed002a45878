"""Story: a task asks about itself at 169.254.170.2, and hears of nobody else."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.installation import Installation, shell, until

pytestmark = pytest.mark.real

ROLE = "arn:aws:iam::000000000000:role/task"

SCRIPT = """
fetch() { wget -qO- "$1" 2>&1 || true; echo; }
env | grep -E '^ECS_' | sort
fetch http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
fetch $ECS_CONTAINER_METADATA_URI_V4
fetch $ECS_CONTAINER_METADATA_URI_V4/task
fetch $ECS_CONTAINER_METADATA_URI/task
fetch http://169.254.170.2/v4/NEIGHBOUR/task
fetch $ECS_CONTAINER_METADATA_URI_V4/stats
dd if=/dev/zero of=/zeros bs=1M count=20 2>/dev/null; sync; sleep 1
fetch $ECS_CONTAINER_METADATA_URI_V4/task/stats
while sleep 0.2; do fetch $ECS_CONTAINER_METADATA_URI_V4/taskWithTags; done
"""


@pytest.fixture(scope="module")
def asking(bastide: Installation) -> Any:
    """A task that asks, its neighbour known to it by id, in a group that lets nothing out."""
    neighbour = bastide.run_task(
        bastide.register("neighbour", shell("app", "exec sleep 1000", stopTimeout=2))
    )[0]
    told = bastide.wait(neighbour, "RUNNING")["containers"][0]["runtimeId"]
    labelled = shell("app", SCRIPT.replace("NEIGHBOUR", told), dockerLabels={"colour": "red"}, stopTimeout=2)
    arn = bastide.run_task(
        bastide.register("asking", labelled, taskRoleArn=ROLE), groups=[shut_group(bastide)]
    )[0]
    yield bastide.wait(arn, "RUNNING")
    bastide.stop(arn, neighbour)


def shut_group(bastide: Installation) -> str:
    """A group that allows nothing, in or out."""
    ec2 = bastide.client("ec2")
    made = ec2.create_security_group(GroupName="reaches-nothing", Description="nothing")["GroupId"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=made, IpPermissions=[everything])
    return str(made)


def lines(bastide: Installation, task: dict[str, Any]) -> list[str]:
    found = bastide.log_lines(f"t/app/{task['taskArn'].rsplit('/', 1)[-1]}")
    return [line for line in found if line]


def test_it_is_told_what_ecs_shows_of_it(bastide: Installation, asking: dict[str, Any]) -> None:
    said = until(lambda: len(found := lines(bastide, asking)) > 10 and found)
    own = asking["containers"][0]
    assert said[:3] == [
        f"ECS_AGENT_URI=http://169.254.170.2/api/{own['runtimeId']}",
        f"ECS_CONTAINER_METADATA_URI=http://169.254.170.2/v3/{own['runtimeId']}",
        f"ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/{own['runtimeId']}",
    ]
    container, task, third = (json.loads(text) for text in said[4:7])
    assert (container["DockerId"], container["ContainerARN"]) == (own["runtimeId"], own["containerArn"])
    assert container["Labels"]["colour"] == "red"
    assert container["Networks"][0]["IPv4Addresses"] == [own["networkInterfaces"][0]["privateIpv4Address"]]
    assert task["TaskARN"] == third["TaskARN"] == asking["taskArn"]
    assert (task["Cluster"], task["Family"]) == (asking["clusterArn"], "asking")
    assert task["AvailabilityZone"] == asking["availabilityZone"]
    assert task["Limits"] == {"CPU": 0.25, "Memory": 512}
    assert "404" in said[7]  # the neighbour's


def test_its_numbers_are_real_and_move(bastide: Installation, asking: dict[str, Any]) -> None:
    said = until(lambda: len(found := lines(bastide, asking)) > 9 and found)
    first, own = json.loads(said[8]), asking["containers"][0]["runtimeId"]
    second = json.loads(said[9])[own]
    assert second["memory_stats"]["limit"] == 512 * 1024 * 1024
    assert 0 < second["memory_stats"]["usage"] < second["memory_stats"]["limit"]
    assert (
        second["cpu_stats"]["cpu_usage"]["total_usage"] > first["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    )
    assert second["networks"]["eth0"]["rx_bytes"] > first["networks"]["eth0"]["rx_bytes"] > 0
    assert second["network_rate_stats"]["tx_bytes_per_sec"] > 0
    wrote = [each["blkio_stats"]["io_service_bytes_recursive"][1]["value"] for each in (first, second)]
    assert wrote[1] - wrote[0] >= 20 * 1024 * 1024
    assert json.loads(said[5])["EphemeralStorageMetrics"]["Reserved"] == 20496


def test_its_role_is_who_it_is(bastide: Installation, asking: dict[str, Any]) -> None:
    keys = json.loads(until(lambda: len(found := lines(bastide, asking)) > 3 and found[3]))
    left = datetime.fromisoformat(keys["Expiration"]) - datetime.now(UTC)
    assert timedelta(hours=5, minutes=58) < left <= timedelta(hours=6)
    sts = boto3.client(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["Token"],
        region_name="us-east-1",
        endpoint_url=bastide.environment["AWS_ENDPOINT_URL"],
    )
    task_id = asking["taskArn"].rsplit("/", 1)[-1]
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:sts::000000000000:assumed-role/task/{task_id}"
    written = [path.read_bytes() for path in bastide.folder.rglob("*.log")]
    assert not any(keys["SecretAccessKey"].encode() in text for text in written)


def test_it_is_told_while_the_server_is_away_and_again_after_the_agent_died(
    bastide: Installation, asking: dict[str, Any]
) -> None:
    def kinds() -> list[str]:
        return ["task" if line.startswith("{") else "none" for line in lines(bastide, asking)[10:]]

    os.kill(bastide.pid("server"), signal.SIGKILL)
    until(lambda: not bastide.is_up("server"))
    until(lambda: '"Cluster"' in bastide.buffered_text(asking["taskArn"]))
    os.kill(bastide.pid("agent"), signal.SIGKILL)
    until(lambda: not bastide.is_up("agent"))
    bastide.up()
    until(lambda: "none" in kinds() and kinds()[-1] == "task")
