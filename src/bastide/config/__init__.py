"""The settings of one installation, read once at start and frozen."""

from bastide.config.checks import INSTANCE_NAME
from bastide.config.reading import PREFIX, find_nearest, parse_settings, read_settings, render_settings
from bastide.config.settings import DESCRIPTIONS, KEYS, SWITCHES, Settings

__all__ = [
    "DESCRIPTIONS",
    "INSTANCE_NAME",
    "KEYS",
    "PREFIX",
    "SWITCHES",
    "Settings",
    "find_nearest",
    "parse_settings",
    "read_settings",
    "render_settings",
]
