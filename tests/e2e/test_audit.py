"""Who did what: `bastide audit` on the host, and `aws cloudtrail lookup-events` from anywhere."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.installation import PROGRAMS, Installation, until

pytestmark = pytest.mark.real


def test_a_call_is_seen_as_it_happens_and_looked_up_afterwards(bastide: Installation, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    bastide.client("ecs").create_cluster(clusterName="before")
    command = [str(PROGRAMS / "bastide"), "audit", "-f", "-n", "5", "--writes"]
    with seen.open("wb") as file:
        following = subprocess.Popen(command, env=bastide.environment, stdout=file)
        try:
            until(lambda: "before" in seen.read_text())
            bastide.client("ecs").create_cluster(clusterName="audited")
            line = until(
                lambda: [one for one in seen.read_text().splitlines() if "audited" in one], timeout_s=10
            )[0]
        finally:
            following.terminate()
            following.wait()
    assert line.split()[1:4] == ["root", "127.0.0.1", "ecs:CreateCluster"]
    events = bastide.aws(
        *("cloudtrail", "lookup-events", "--max-items", "1"),
        *("--lookup-attributes", "AttributeKey=ResourceName,AttributeValue=audited"),
    )["Events"]
    assert (events[0]["EventName"], events[0]["Username"]) == ("CreateCluster", "root")
    told = json.loads(events[0]["CloudTrailEvent"])
    assert told["userIdentity"]["accessKeyId"] == bastide.environment["AWS_ACCESS_KEY_ID"]
    last = json.loads(bastide.bastide("audit", "-n", "1", "--json", "--operation", "LookupEvents"))
    assert (last["eventSource"], last["readOnly"]) == ("cloudtrail.amazonaws.com", True)
