"""Story: how many files a container may have open, by default and as asked."""

from typing import Any

import pytest

from tests.installation import Installation, shell

pytestmark = pytest.mark.real

# awk keeps every file open that it has read a line of; 0, 1 and 2 are open before.
OPEN_ALL = (
    "n=0; while [ $n -lt 1100 ]; do echo x > /tmp/$n; n=$((n + 1)); done; "
    'awk \'BEGIN { n = 0; while ((getline line < ("/tmp/" n)) > 0) n++; print n + 3, "were opened" }\''
)


def lines_of(bastide: Installation, **fields: Any) -> list[str]:
    script = f"ulimit -Sn; ulimit -Hn; {OPEN_ALL}; ulimit -Hn 9999 2>/dev/null || echo not above"
    arn = bastide.register("open-files", shell("app", script, user="1000", **fields))
    task = bastide.run_task(arn)[0]
    bastide.wait(task, "STOPPED")
    return bastide.log_lines(f"t/app/{task.rsplit('/', 1)[-1]}")


@pytest.mark.parametrize(
    "fields", [{}, {"ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}]}]
)
def test_the_thousand_and_twenty_fifth_is_refused(bastide: Installation, fields: dict[str, Any]) -> None:
    assert lines_of(bastide, **fields) == ["1024", "4096", "1024 were opened", "not above"]


def test_more_are_had_when_asked_for(bastide: Installation) -> None:
    more = {"ulimits": [{"name": "nofile", "softLimit": 1050, "hardLimit": 1060}]}
    assert lines_of(bastide, **more) == ["1050", "1060", "1050 were opened", "not above"]
