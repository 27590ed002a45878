"""RegisterTaskDefinition requests in a few words: what a test's table varies of a small web server."""

from typing import Any

from tests.account import container, definition

ECR = "000000000000.dkr.ecr.us-east-1.amazonaws.com/web:1"
AWSLOGS = {"awslogs-group": "/g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs"}
SECRET = {"name": "S", "valueFrom": "/path/name"}
ENV_FILE = {"type": "s3", "value": "arn:aws:s3:::bucket/app.env"}
Members = dict[str, Any]


def one(**members: Any) -> Members:
    """A definition with one container like this."""
    return {"containerDefinitions": [container(**members)]}


def several(*containers: Members) -> Members:
    return {
        "containerDefinitions": [
            {"name": f"c{at}", "image": "busybox", **members} for at, members in enumerate(containers)
        ]
    }


def logs(driver: str = "awslogs", **options: str) -> Members:
    return {"logConfiguration": {"logDriver": driver, "options": options}}


def linux(**members: Any) -> Members:
    return one(linuxParameters=members)


def volume(**members: Any) -> Members:
    return {"volumes": [{"name": "v", **members}]}


def mounted(**members: Any) -> Members:
    return {**volume(**members), **one(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}])}


def ports(*mappings: Members) -> Members:
    return one(portMappings=list(mappings))


def ec2(**members: Any) -> Members:
    """Without FARGATE and sizes."""
    return {"requiresCompatibilities": None, "networkMode": None, "cpu": None, "memory": None, **members}


def request(members: Members) -> Members:
    asked = definition(**members)
    asked["containerDefinitions"] = [
        {name: value for name, value in one.items() if value is not None}
        for one in asked["containerDefinitions"]
    ]
    return asked
