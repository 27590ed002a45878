"""Nothing committed names the machine it was written on: no home, no checkout's path, no private index."""

import os
import re
import socket
import subprocess
import sys
from functools import cache
from urllib.parse import urlsplit

from tests.style.checkout import ROOT, files, named

PUBLIC_HOSTS = {"pypi.org", "files.pythonhosted.org", "proxy.golang.org", "sum.golang.org", "localhost", ""}
COMMON_FOLDERS = {"bastide", "src", "app", "build", "code", "repo"}  # as words these betray nothing
HOME = re.compile(rb"/root/\.|/home/[a-z]+/\.")
SETTINGS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "GOPROXY", "HTTP_PROXY", "HTTPS_PROXY")


@cache
def own_words() -> frozenset[str]:
    """What would betray this machine: its checkout's path, its name, the hosts it downloads from."""
    words = set() if ROOT.name in COMMON_FOLDERS else {str(ROOT)}
    if len(name := socket.gethostname()) > 8:
        words.add(name)
    argv = [sys.executable, "-m", "pip", "config", "list"]
    texts = [subprocess.run(argv, capture_output=True, text=True, check=False).stdout]
    texts += [os.environ.get(name, "") for name in SETTINGS]
    urls = re.findall(r"https?://[^\s'\",|]+", " ".join(texts))
    return frozenset(
        words | {host for url in urls if (host := urlsplit(url).hostname or "") not in PUBLIC_HOSTS}
    )


def test_no_file_names_the_machine_it_was_written_on() -> None:
    found = {named(path): words for path in files() if (words := betrayals(path.read_bytes()))}
    assert not found


def betrayals(content: bytes) -> list[str]:
    """The words in a file that belong to one machine only."""
    words = [word for word in sorted(own_words()) if word.encode() in content]
    return words + [home.decode() for home in HOME.findall(content)]


def test_a_path_in_a_home_folder_is_seen() -> None:
    assert betrayals(b"see " + b"/home/" + b"somebody/.bashrc") == ["/home/" + "somebody/."]
