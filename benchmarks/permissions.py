"""What a decision costs: 20 statements with conditions, compiled once, asked again and again.

    python -m benchmarks.permissions

Needs neither root nor an installation. Processor time: nothing here waits. The limit is 50 µs a decision.
"""

import json
import time
from datetime import UTC, datetime

from bastide.permissions import Policies, Principal, PrincipalKind, Request, compile_policy, evaluate
from benchmarks.figures import Figure, figure, render_table

ACCOUNT = "111122223333"
STATEMENTS = 20
DECISIONS = 2000
ROUNDS = 15
CONDITIONS = (
    {"ArnEquals": {"ecs:cluster": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/other"}},
    {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"]}, "Bool": {"aws:SecureTransport": "true"}},
    {"StringLike": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}-*"}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]}, "Null": {"aws:TagKeys": "false"}},
    {"DateGreaterThan": {"aws:CurrentTime": "2031-01-01T00:00:00Z"}},
)


def policy_text() -> str:
    """Statements that all look at the request's conditions; one of them allows."""
    refusing = [
        {
            "Effect": "Allow" if number % 4 else "Deny",
            "Action": ["ecs:Run*", "ecs:StopTask"],
            "Resource": f"arn:aws:ecs:*:{ACCOUNT}:task-definition/*:*",
            "Condition": CONDITIONS[number % len(CONDITIONS)],
        }
        for number in range(STATEMENTS - 1)
    ]
    allowing = {"Effect": "Allow", "Action": ["ecs:RunTask", "iam:PassRole"], "Resource": "*"}
    conditions = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [*refusing, allowing | {"Condition": conditions}]}
    )


def request(team: str) -> Request:
    """A call that one statement allows to the team `red`, and none to another: then every one is asked."""
    keys: dict[str, str | tuple[str, ...]] = {
        "aws:sourceip": "203.0.113.9",
        "aws:securetransport": "false",
        "aws:principaltag/team": team,
        "aws:resourcetag/team": "blue-1",
        "aws:currenttime": datetime(2030, 1, 1, tzinfo=UTC).isoformat(),
        "aws:tagkeys": ("owner",),
        "ecs:cluster": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/default",
    }
    return Request(
        action="ecs:RunTask",
        resource=f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/web:3",
        principal=Principal(kind=PrincipalKind.USER, arn=f"arn:aws:iam::{ACCOUNT}:user/ann", account=ACCOUNT),
        keys=keys,
    )


def measure_permissions() -> list[Figure]:
    """Microseconds a decision, and to compile the policy once."""
    policies = Policies(identity=(compile_policy(policy_text()),))
    asked = {"allowed": request("red"), "refused": request("green")}
    assert [evaluate(one, policies).is_allowed for one in asked.values()] == [True, False]
    decisions: dict[str, list[float]] = {name: [] for name in asked}
    compilations = []
    for _ in range(ROUNDS):
        for name, one in asked.items():
            started_at = time.thread_time()
            for _ in range(DECISIONS):
                evaluate(one, policies)
            decisions[name].append((time.thread_time() - started_at) / DECISIONS * 1e6)
        started_at = time.thread_time()
        compile_policy(policy_text())
        compilations.append((time.thread_time() - started_at) * 1e6)
    return [
        *(
            figure(f"A decision over {STATEMENTS} statements with conditions, {name}", "µs", found)
            for name, found in decisions.items()
        ),
        figure("The same policy compiled, once a version", "µs", compilations),
    ]


if __name__ == "__main__":
    print(render_table(measure_permissions()))
