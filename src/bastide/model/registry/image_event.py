"""The `ECR Image Action` event: what EventBridge is told of a push or a deletion.

Pure. Shape: Amazon ECR user guide, "Amazon ECR events and EventBridge".
"""

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

IMAGE_ACTION = "ECR Image Action"
SOURCE = "aws.ecr"


class Action(StrEnum):
    """What was done to an image."""

    PUSH = "PUSH"
    DELETE = "DELETE"


def render_image_event(
    repository: dict[str, Any], action: Action, *, digest: str, tag: str, token: uuid.UUID, at_s: float
) -> dict[str, Any]:
    """The event: EventBridge's envelope around what was done. `token` is random, drawn by the caller."""
    at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    detail = {
        "action-type": action.value,
        "result": "SUCCESS",
        "repository-name": repository["repositoryName"],
        "image-digest": digest,
    }
    return {
        "version": "0",
        "id": str(token),
        "detail-type": IMAGE_ACTION,
        "source": SOURCE,
        "account": repository["registryId"],
        "time": at,
        "region": repository["repositoryArn"].split(":")[3],
        "resources": [],
        "detail": detail | ({"image-tag": tag} if tag else {}),
    }
