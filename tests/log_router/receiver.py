"""Runs inside the router's container where no Fluent Bit is at hand: a receiver of the forward protocol.

It obeys what it finds in Fluent Bit's configuration of inputs, record_modifier and grep filters, and outputs
named stdout, and decodes with the `msgpack` package; it is no Fluent Bit in anything else.
"""

import json
import os
import re
import selectors
import signal
import socket
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgpack

CONFIG = Path("/fluent-bit/etc/fluent-bit.conf")


def read_sections(text: str) -> list[tuple[str, list[list[str]]]]:
    sections: list[tuple[str, list[list[str]]]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            sections.append((line.strip("[]"), []))
        elif line.startswith("@INCLUDE"):
            sections += read_sections(Path(line.split()[1]).read_text())
        else:
            sections[-1][1].append(os.path.expandvars(line).split(None, 1))
    return sections


def listening(members: dict[str, str]) -> socket.socket:
    if "unix_path" in members:
        made = socket.socket(socket.AF_UNIX)
        Path(members["unix_path"]).unlink(missing_ok=True)
        made.bind(members["unix_path"])
    else:
        made = socket.socket()
        made.bind((members["Listen"], int(members["Port"])))
    made.listen()
    return made


def pass_on(sections: list[tuple[str, list[list[str]]]], tag: str, moment: Any, record: Any) -> None:
    for name, members in sections:
        one = dict(members)
        if not fnmatchcase(tag, one.get("Match", "")):
            continue
        for key, value in members:
            if key == "Record":
                field, text = value.split(None, 1)
                record[field] = text
            if key in ("Regex", "Exclude"):
                field, pattern = value.split(None, 1)
                if bool(re.search(pattern, record.get(field, ""))) is (key == "Exclude"):
                    return
        if name == "OUTPUT" and one["Name"] == "stdout":
            sent = {"date": moment.seconds + moment.nanoseconds / 1e9, "tag": tag, **record}
            sys.stdout.write(json.dumps(sent) + "\n")
            sys.stdout.flush()


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sections = read_sections(CONFIG.read_text())
    ready = selectors.DefaultSelector()
    for name, members in sections:
        if name == "INPUT" and dict(members)["Name"] == "forward":
            ready.register(listening(dict(members)), selectors.EVENT_READ, None)
    while True:
        for key, _ in ready.select():
            if key.data is None:
                connection, _ = key.fileobj.accept()  # type: ignore[union-attr]
                unpacker = msgpack.Unpacker(ext_hook=event_time)
                ready.register(connection, selectors.EVENT_READ, unpacker)
                continue
            data = key.fileobj.recv(65536)  # type: ignore[union-attr]
            if not data:
                ready.unregister(key.fileobj)
                continue
            key.data.feed(data)
            for tag, moment, record, *_ in key.data:
                pass_on(sections, tag, moment, record)


def event_time(code: int, data: bytes) -> msgpack.Timestamp:
    assert code == 0
    return msgpack.Timestamp(int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big"))


if __name__ == "__main__":
    main()
