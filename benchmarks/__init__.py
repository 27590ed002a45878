"""Measures Bastide beside a reference in one run; docs/performance.md has the figures."""

import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent / "tools"
sys.path.append(str(TOOLS))  # as pytest's settings have it
