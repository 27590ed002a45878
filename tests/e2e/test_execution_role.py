"""A task whose execution role may not do what its start needs says so in ECS's words, and what is missing."""

import json

import pytest

from tests import roles
from tests.installation import Installation, shell

pytestmark = pytest.mark.real

ROLE = "powerless"
PULL = "unable to pull secrets or registry auth: execution resource retrieval failed: "
SENTENCE = (
    "User: arn:aws:sts::000000000000:assumed-role/{role}/{task} is not authorized to perform: {action} on "
    "resource: {resource} because no identity-based policy allows the {action} action"
)


def test_a_role_that_may_not_stops_the_task(bastide: Installation) -> None:
    iam = bastide.client("iam")
    for name in (ROLE, "login-only"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=roles.TRUST)
    token = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": token})
    iam.put_role_policy(RoleName="login-only", PolicyName="token", PolicyDocument=text)
    secret = bastide.client("secretsmanager").create_secret(Name="kept", SecretString="word")["ARN"]
    made = bastide.client("ecr").create_repository(repositoryName="kept")["repository"]
    image = f"{made['repositoryUri']}:1"
    bastide.client("logs").create_log_group(logGroupName="/kept")
    logging = shell("app", "true")
    logging["logConfiguration"]["options"] |= {"awslogs-group": "/kept", "awslogs-create-group": "false"}
    stream = "arn:aws:logs:us-east-1:000000000000:log-group:/kept:log-stream:t/app/{task}"
    needing_secret = shell("app", "true", log=False, secrets=[{"name": "S", "valueFrom": secret}])
    pulling = shell("app", "true", log=False, image=image)
    cases = [
        (needing_secret, PULL + "unable to retrieve secret", "secretsmanager:GetSecretValue", secret),
        (pulling, PULL + "unable to retrieve ecr registry auth", "ecr:GetAuthorizationToken", "*"),
        (logging, "failed to validate logger args", "logs:CreateLogStream", stream),
    ]
    tasks = [
        bastide.run_task(bastide.register("kept", container, executionRoleArn=ROLE))[0]
        for container, *_ in cases
    ]
    (unpulled,) = bastide.run_task(bastide.register("kept", pulling, executionRoleArn="login-only"))
    for task, (start, action, resource) in zip(tasks, (case[1:] for case in cases), strict=True):
        stopped = bastide.wait(task, "STOPPED")
        known = {"role": ROLE, "task": task.rsplit("/", 1)[1], "action": action}
        sentence = SENTENCE.format(resource=resource.format(**known), **known)
        assert stopped["stoppedReason"].startswith(f"ResourceInitializationError: {start}")
        assert sentence in stopped["stoppedReason"]
        assert stopped["stopCode"] == "TaskFailedToStart"
    why = bastide.wait(unpulled, "STOPPED")["stoppedReason"]
    assert why.startswith("CannotPullContainerError: pull image manifest has been retried 1 time(s)")
    assert image in why
    assert "403 Forbidden" in why  # the registry is asked by HEAD, whose answer has no sentence
