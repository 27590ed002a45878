"""A secret, parameter or file that cannot be had stops the task and says which, and never a value."""

from typing import Any

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real

START = "ResourceInitializationError: "
PULL = f"{START}unable to pull secrets or registry auth: execution resource retrieval failed: "
MISSING = "arn:aws:secretsmanager:us-east-1:000000000000:secret:nobody-AbCdEf"
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "a secret": (
        {"secrets": [{"name": "S", "valueFrom": MISSING}]},
        PULL + "unable to retrieve secret from asm: service call has been retried 1 time(s): ",
        MISSING,
    ),
    "a parameter": (
        {"secrets": [{"name": "S", "valueFrom": "/nobody/made/this"}]},
        PULL + "unable to retrieve secrets from ssm: service call has been retried 1 time(s): ",
        "invalid parameters: /nobody/made/this",
    ),
    "a file": (
        {"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::nobody/made.env"}]},
        START + "failed to download env files: ",
        "NoSuchBucket",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_stops_the_task(bastide: Installation, name: str) -> None:
    members, start, named = CASES[name]
    arn = bastide.register("missing", shell("app", "true", **members))
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert stopped["stoppedReason"].startswith(start)
    assert named in stopped["stoppedReason"]
    assert "exitCode" not in stopped["containers"][0]


def test_what_was_missing_can_be_made_and_the_next_task_runs(bastide: Installation) -> None:
    secrets = [{"name": "S", "valueFrom": "/made/later"}]
    arn = bastide.register("later", shell("app", '[ "$S" = there ]', secrets=secrets))
    bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    bastide.aws("ssm", "put-parameter", "--name", "/made/later", "--type", "String", "--value", "there")
    stopped = bastide.wait(bastide.run_task(arn)[0], "STOPPED")
    assert (stopped["stopCode"], stopped["containers"][0]["exitCode"]) == ("EssentialContainerExited", 0)
