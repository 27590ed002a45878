"""Every document's links lead somewhere: files that exist, headings that exist, tests that exist."""

import re
from pathlib import Path

import pytest

from tests.style.checkout import ROOT, files, named

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)[^)]*\)|!\[[^\]]*\]\(([^)\s]+)[^)]*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
TEST_NAME = re.compile(r"`(tests/[\w/.-]+?)(?:::(\w+))?`")
DOCUMENTS = [path for path in files() if path.suffix == ".md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    broken = [link for link in links(document.read_text()) if not leads_somewhere(document, link)]
    assert not broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_named_tests_exist(document: Path) -> None:
    gone = [
        f"{path}::{function}" if function else path
        for path, function in TEST_NAME.findall(document.read_text())
        if not is_test_there(path, function)
    ]
    assert not gone


def links(text: str) -> list[str]:
    """The targets of a document's links and pictures, code blocks left out."""
    return [a or b for a, b in LINK.findall(FENCE.sub("", text))]


def leads_somewhere(document: Path, link: str) -> bool:
    """Whether a link's file and heading exist; other sites are not asked."""
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return True
    name, _, anchor = link.partition("#")
    target = (document.parent / name) if name else document
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target.read_text())


def anchors(text: str) -> set[str]:
    """The anchors that headings get on the usual sites."""
    headings = re.findall(r"^#+\s+(.+?)\s*$", FENCE.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def is_test_there(path: str, function: str) -> bool:
    """Whether the file exists and, when one is named, its test function."""
    file = ROOT / path
    if not file.exists():
        return False
    return not function or re.search(rf"def {function}\b", file.read_text()) is not None


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One heading\n[a](page.md#one-heading) [b](gone.md) [c](#two)\n```\n[d](x)\n```\n")
    assert [link for link in links(page.read_text()) if not leads_somewhere(page, link)] == [
        "gone.md",
        "#two",
    ]
