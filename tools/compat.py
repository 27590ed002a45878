"""Writes the rows of docs/compat.md: one for every operation of the models that have something here.

Which operations exist is the registry's to say; what each lacks, and the test that shows it, stands in
compat.toml beside this file. What stands above MARK in the document is written by hand and kept.
Run it from anywhere: `.venv/bin/python tools/compat.py`. tests/style/test_compat.py holds the result.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from bastide.api.registry import SERVICES  # noqa: E402
from bastide.wire import spec  # noqa: E402

DOCUMENT = ROOT / "docs" / "compat.md"
NOTES = ROOT / "tools" / "compat.toml"
MARK = "<!-- Rows below are written by tools/compat.py; edit tools/compat.toml instead. -->"
TITLES = {
    "cloudtrail": "CloudTrail",
    "ec2": "EC2",
    "ecr": "ECR",
    "ecs": "ECS",
    "iam": "IAM",
    "logs": "CloudWatch Logs",
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "ssm": "Systems Manager",
    "sts": "STS",
}
STATES = ("done", "partly", "recorded only")


def read_notes() -> dict[str, dict[str, dict[str, str]]]:
    """Service → operation → state, lacks, test."""
    with NOTES.open("rb") as file:
        notes: dict[str, Any] = tomllib.load(file)
    return notes


def rows() -> Iterator[str]:
    """The generated part, line by line."""
    notes = read_notes()
    yield MARK
    for service, title in TITLES.items():
        there = sorted(SERVICES[service])
        missing = sorted(spec.operations(service) - set(there))
        yield from ["", f"## {title}", ""]
        yield f"{len(there)} of {len(there) + len(missing)} operations."
        yield from [
            "",
            "| Operation | Here | What is missing or different | Shown by |",
            "| --- | --- | --- | --- |",
        ]
        for operation in there:
            note = notes.get(service, {}).get(operation, {})
            cells = (note.get("state", "?"), note.get("lacks", ""), f"`{note.get('test', '?')}`")
            yield f"| {operation} | {' | '.join(cells)} |"
        yield from ["", f"### {title}: not here", "", "| Operation | Here |", "| --- | --- |"]
        for operation in missing:
            yield f"| {operation} | no |"


def rendered() -> str:
    """The whole document as it should be."""
    written, mark, _ = DOCUMENT.read_text().partition(MARK)
    if not mark:
        raise SystemExit(f"{DOCUMENT} has no line {MARK}")
    return written + "\n".join(rows()) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(rendered())
