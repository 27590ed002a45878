"""What a log line looks like."""

import logging

from bastide.cli.foreground import LOG_FORMAT, TIME_FORMAT, Lines


def test_extras_stand_behind_the_message_and_times_are_utc() -> None:
    record = logging.makeLogRecord(
        {"name": "a.b", "levelname": "INFO", "msg": "seen %s", "args": ("x",), "created": 0.0, "msecs": 7.0}
    )
    record.key = "k"
    assert Lines(LOG_FORMAT, TIME_FORMAT).format(record) == "1970-01-01T00:00:00.007Z INFO a.b: seen x key=k"
