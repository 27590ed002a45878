"""A team's permissions as they are used: a developer, support, and CI, each with keys of their own.

What each tries is asked of SimulatePrincipalPolicy too, with the same keys: the answers agree.
"""

import json
import os
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from installing.development import find_program

from tests.containerd_fixture import skip_real
from tests.installation import PROGRAMS, Installation, shell
from tests.terminal import Terminal

pytestmark = pytest.mark.real

ACCOUNT, REGION = "000000000000", "us-east-1"
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
REPOSITORIES = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository"
TASKS = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


def allow(action: Any, resource: Any = "*", **conditions: Any) -> dict[str, Any]:
    """A statement; conditions by their operator."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": conditions}


class Person:
    """A user with keys of its own and nothing but what the statements allow."""

    def __init__(self, bastide: Installation, name: str, *statements: dict[str, Any]) -> None:
        self._iam, self.name = bastide.client("iam"), name
        self.arn = self._iam.create_user(UserName=name)["User"]["Arn"]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self._iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
        key = self._iam.create_access_key(UserName=name)["AccessKey"]
        self.environment = bastide.environment | {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def aws(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What the real `aws` program says, whether it may or not."""
        argv = [str(PROGRAMS / "aws"), *arguments]
        return subprocess.run(argv, env=self.environment, capture_output=True, text=True, timeout=120)

    def client(self, service: str) -> Any:
        """boto3's, with this user's keys."""
        return boto3.client(
            service,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def refused(self, service: str, operation: str, **params: Any) -> str:
        """The sentence a call ends in that must be refused."""
        client = self.client(service)
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(**params)
        client.close()
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        return str(caught.value.response["Error"]["Message"])

    def would(self, action: str, resource: str, **keys: str) -> bool:
        """Whether a simulation says that it is allowed; a key's colon is written as two underscores."""
        context = [
            {
                "ContextKeyName": name.replace("__", ":").replace("_", "-"),
                "ContextKeyValues": [value],
                "ContextKeyType": "string",
            }
            for name, value in keys.items()
        ]
        asked = {"PolicySourceArn": self.arn, "ActionNames": [action], "ResourceArns": [resource]}
        answer = self._iam.simulate_principal_policy(**asked, ContextEntries=context)
        return bool(answer["EvaluationResults"][0]["EvalDecision"] == "allowed")

    def close(self) -> None:
        """Gone, with keys and policy."""
        for key in self._iam.list_access_keys(UserName=self.name)["AccessKeyMetadata"]:
            self._iam.delete_access_key(UserName=self.name, AccessKeyId=key["AccessKeyId"])
        self._iam.delete_user_policy(UserName=self.name, PolicyName="own")
        self._iam.delete_user(UserName=self.name)


@pytest.fixture(scope="module")
def definition(bastide: Installation) -> str:
    """Two containers that wait, with one role for everything."""
    role = f"{ROLES}/execution"
    containers = [shell(name, "exec sleep 1000", log=False) for name in ("app", "sidecar")]
    return bastide.register("owned", *containers, taskRoleArn=role, executionRoleArn=role)


@pytest.fixture(scope="module")
def developer(bastide: Installation) -> Iterator[Person]:
    """May run one family in one cluster, with one role."""
    bastide.client("ecs").create_cluster(clusterName="dev")
    in_dev = {"ArnEquals": {"ecs:cluster": f"{ECS}:cluster/dev"}}
    person = Person(
        bastide,
        "developer",
        allow("ecs:RunTask", f"{ECS}:task-definition/owned:*", **in_dev),
        allow("iam:PassRole", f"{ROLES}/execution", StringEquals=TASKS),
    )
    yield person
    person.close()


@pytest.fixture(scope="module")
def task(bastide: Installation, developer: Person, definition: str) -> Iterator[str]:
    """What the developer runs."""
    network = {"awsvpcConfiguration": {"subnets": [subnet_of(bastide)]}}
    done = developer.aws(
        *("ecs", "run-task", "--cluster", "dev", "--task-definition", definition, "--launch-type", "FARGATE"),
        *("--enable-execute-command", "--network-configuration", json.dumps(network)),
    )
    assert done.returncode == 0, done.stderr
    (started,) = json.loads(done.stdout)["tasks"]
    ecs = bastide.client("ecs")
    ecs.get_waiter("tasks_running").wait(
        cluster="dev", tasks=[started["taskArn"]], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    yield str(started["taskArn"])
    ecs.stop_task(cluster="dev", task=started["taskArn"])


def subnet_of(bastide: Installation) -> str:
    defaults = [{"Name": "default-for-az", "Values": ["true"]}]
    return str(bastide.client("ec2").describe_subnets(Filters=defaults)["Subnets"][0]["SubnetId"])


def test_a_developer_runs_tasks_in_one_cluster_and_passes_one_role(
    developer: Person, definition: str, task: str
) -> None:
    assert task.startswith(f"{ECS}:task/dev/")
    done = developer.aws("ecs", "run-task", "--cluster", "default", "--task-definition", definition)
    assert done.returncode != 0
    assert (
        f"AccessDeniedException) when calling the RunTask operation: User: {developer.arn} is not authorized "
        f"to perform: ecs:RunTask on resource: {definition} because no identity-based policy allows the "
        "ecs:RunTask action"
    ) in done.stderr
    other = {"taskRoleArn": f"{ROLES}/task"}
    told = developer.refused("ecs", "run_task", cluster="dev", taskDefinition=definition, overrides=other)
    assert f"iam:PassRole on resource: {ROLES}/task because" in told
    assert "ecs:StopTask" in developer.refused("ecs", "stop_task", cluster="dev", task=task)
    for cluster, allowed in (("dev", True), ("default", False)):
        arn = f"{ECS}:cluster/{cluster}"
        assert developer.would("ecs:RunTask", definition, ecs__cluster=arn) is allowed
    for role, allowed in (("execution", True), ("task", False)):
        arn = f"{ROLES}/{role}"
        passed = {"iam__PassedToService": TASKS["iam:PassedToService"]}
        assert developer.would("iam:PassRole", arn, **passed) is allowed
    assert not developer.would("ecs:StopTask", task, ecs__cluster=f"{ECS}:cluster/dev")


def test_support_looks_into_one_container(bastide: Installation, task: str) -> None:
    plugin = find_program("session-manager-plugin")
    if not plugin.exists():
        skip_real("the plugin is not built: tools/setup --dev")
    where = [f"{ECS}:cluster/dev", f"{ECS}:task/dev/*"]
    only = {"StringEquals": {"ecs:container-name": "app"}}
    looking = allow("ecs:DescribeTasks", f"{ECS}:task/dev/*")  # the CLI looks at the task first
    support = Person(bastide, "support", looking, allow("ecs:ExecuteCommand", where, **only))
    told = support.refused(
        "ecs",
        "execute_command",
        cluster="dev",
        task=task,
        container="sidecar",
        command="sh",
        interactive=True,
    )
    assert f"{support.arn} is not authorized to perform: ecs:ExecuteCommand" in told
    for container, allowed in (("app", True), ("sidecar", False)):
        for resource in (f"{ECS}:cluster/dev", task):
            named = {"ecs__container_name": container}
            assert support.would("ecs:ExecuteCommand", resource, **named) is allowed
    environment = support.environment | {"PATH": f"{plugin.parent}:{os.environ['PATH']}"}
    chosen = ("--cluster", "dev", "--task", task, "--container", "app", "--command", "echo looked")
    terminal = Terminal(
        (str(PROGRAMS / "aws"), "ecs", "execute-command", "--interactive", *chosen), environment
    )
    try:
        terminal.read_until("looked")
        assert terminal.wait() == 0
    finally:
        terminal.close()
    support.close()


def test_ci_pushes_one_repository(bastide: Installation) -> None:
    ecr = bastide.client("ecr")
    for name in ("ci/app", "ci/other"):
        ecr.create_repository(repositoryName=name)
    ci = Person(bastide, "ci", allow("ecr:GetAuthorizationToken"), allow(PUSH, f"{REPOSITORIES}/ci/app"))
    token = ci.aws("ecr", "get-authorization-token", "--output", "json")
    assert token.returncode == 0, token.stderr
    secret = b64decode(json.loads(token.stdout)["authorizationData"][0]["authorizationToken"]).decode()
    archive = f"oci-archive:{bastide.demo_archive()}"
    port = bastide.environment["BASTIDE_PORT"]
    copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--dest-creds", secret, archive]
    for name, allowed in (("ci/app", True), ("ci/other", False)):
        here = f"docker://127.0.0.1:{port}/{name}:1"
        done = subprocess.run([*copy, here], capture_output=True, text=True, timeout=60)
        assert (done.returncode == 0) is allowed, done.stderr
        images = ecr.list_images(repositoryName=name)["imageIds"]
        assert [image["imageTag"] for image in images] == (["1"] if allowed else [])
        for action in PUSH:
            assert ci.would(action, f"{REPOSITORIES}/{name}") is allowed
    told = ci.refused("ecr", "initiate_layer_upload", repositoryName="ci/other")
    assert f"ecr:InitiateLayerUpload on resource: {REPOSITORIES}/ci/other because" in told
    assert "ecr:ListImages" in ci.refused("ecr", "list_images", repositoryName="ci/app")
    assert not ci.would("ecr:ListImages", f"{REPOSITORIES}/ci/app")
    ci.close()
    for name in ("ci/app", "ci/other"):
        ecr.delete_repository(repositoryName=name, force=True)
