"""docs/configuration.md lists every setting, as the code has it."""

import re

from bastide.config import DESCRIPTIONS, KEYS, Settings
from tests.style.checkout import ROOT

ROW = re.compile(
    r"^\| `(\w+)` \| (?:`([^`]*)`)? ?\| `(BASTIDE_\w+)` \| `(--[\w-]+)` \| (.*) \|$", re.MULTILINE
)


def test_the_page_lists_every_setting_with_its_spellings_and_default() -> None:
    rows = ROW.findall((ROOT / "docs" / "configuration.md").read_text())
    expected = []
    for key in KEYS:
        default = getattr(Settings(), key)
        shown = "" if default is None else str(default)
        shown = shown.lower() if isinstance(default, bool) else shown
        expected.append(
            (key, shown, f"BASTIDE_{key.upper()}", f"--{key.replace('_', '-')}", DESCRIPTIONS[key])
        )
    assert rows == expected
