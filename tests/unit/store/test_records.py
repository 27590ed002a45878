"""Records are values."""

from bastide.store import Record


def test_changed_keeps_the_version_and_everything_not_named() -> None:
    record = Record("task", "arn", "s", {"a": 1}, parent="p", name="n", status="x", version=3)
    assert record.changed(status="y") == Record("task", "arn", "s", {"a": 1}, "p", "n", "y", 3)
    assert record.changed(document={}, parent="", name="") == Record("task", "arn", "s", {}, "", "", "x", 3)
