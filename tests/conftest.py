"""For all tests: the order, and what is told of a failed one.

Files that take minutes begin first, or one of them is waited for at the end. A failed story shows what its
installation's processes wrote last: their folder is gone when somebody reads the report.
"""

from collections.abc import Generator
from typing import Any

import pytest

LOG_LINES = 40


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    installation: Any = getattr(item, "funcargs", {}).get("bastide")
    if report.failed and installation is not None:
        folder = installation.folder / "data" / installation.instance / "log"
        for path in sorted(folder.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-LOG_LINES:]
            report.sections.append((path.name, "\n".join(lines)))
    return report
