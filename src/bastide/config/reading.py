"""Reading the settings, once, at start.

Order, later wins: built-in defaults, the settings file, `BASTIDE_*` variables, flags. An unknown key is an
error that names the nearest right one.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bastide.config.checks import checked
from bastide.config.settings import FILE_FOLDER, KEYS, Settings
from bastide.model.faults import Invalid
from bastide.model.status import RuntimeClass

PREFIX = "BASTIDE_"
FILE_VARIABLE = "BASTIDE_CONFIG"
# Variables that are no settings: where the file is, the set-up's cache, switches of the tests.
NO_SETTINGS = (FILE_VARIABLE, "BASTIDE_RUNTIME_CACHE", "BASTIDE_TEST_")


def read_settings(flags: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Defaults, then the file, then variables, then flags; Invalid names what is wrong and where.

    The file is the flag `config`, else BASTIDE_CONFIG, else /etc/bastide/<instance>.toml if it is there.
    """
    given = {key: text for key, text in flags.items() if key != "config"}
    if urlsplit(given.get("store_url", "")).password:
        why = "Everybody can see a password on the command line: use the settings file or BASTIDE_STORE_URL."
        raise Invalid("setting", "store_url", why=why)
    variables = _read_variables(environ)
    instance = given.get("instance") or variables.get("instance") or Settings().instance
    named = flags.get("config") or environ.get(FILE_VARIABLE)
    path = Path(named) if named else FILE_FOLDER / f"{instance}.toml"
    values: dict[str, Any] = {}
    for source, spelled, found in (
        (str(path), "{}", _read_file(path) if named or path.exists() else {}),
        ("the environment", "BASTIDE_{}", variables),
        ("the flags", "--{}", given),
    ):
        for key in found:
            _check_known(key, source, spelled)
        values |= {key: _convert(key, value, source) for key, value in found.items()}
    return checked(Settings(**values))


def render_settings(settings: Settings) -> bytes:
    """As JSON, for the processes that are started with them; may hold a password."""
    return msgspec.json.encode({key: getattr(settings, key) for key in KEYS}, enc_hook=str)


def parse_settings(text: bytes) -> Settings:
    """What `render_settings` wrote."""
    values: dict[str, Any] = msgspec.json.decode(text)
    for key in values:
        _check_known(key, "settings.json", "{}")
    return checked(Settings(**{key: _convert(key, value, "settings.json") for key, value in values.items()}))


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        why = f"The settings file {path} cannot be read: {said}."
        raise Invalid("settings", str(path), why=why) from error


def _read_variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environ.items()
        if name.startswith(PREFIX) and not name.startswith(NO_SETTINGS)
    }


def find_nearest(word: str, known: Sequence[str] = KEYS) -> str:
    """Which of the known words, the settings by default, is spelled most like it."""
    return difflib.get_close_matches(word, known, n=1, cutoff=0.0)[0]


def _check_known(key: str, source: str, spelled: str) -> None:
    """Invalid, naming the nearest right key as it is spelled there, unless there is such a setting."""
    if key in KEYS:
        return
    near = find_nearest(key)
    wrong, right = (_spelled(name, spelled) for name in (key, near))
    raise Invalid("setting", key, why=f"There is no setting `{wrong}` (in {source}). Did you mean `{right}`?")


def _spelled(key: str, spelled: str) -> str:
    if spelled.startswith("--"):
        key = key.replace("_", "-")
    return spelled.format(key.upper() if spelled.startswith(PREFIX) else key)


def _convert(key: str, value: Any, source: str) -> Any:
    """A value as its field wants it; text is taken for a number where the field is one."""
    default = getattr(Settings(), key)
    if isinstance(default, bool):
        return _yes_or_no(key, value, source)
    if isinstance(default, int):
        return _whole_number(key, value, source)
    if key == "runtime_folder" and value in (None, ""):
        return None
    if not isinstance(value, str):
        raise Invalid("setting", key, why=f"`{key}` (in {source}) must be text.")
    if isinstance(default, RuntimeClass):
        return _runtime_class(key, value, source)
    return Path(value) if isinstance(default, Path) or key == "runtime_folder" else value


def _yes_or_no(key: str, value: Any, source: str) -> bool:
    known = {True: True, False: False, "true": True, "false": False}
    if not isinstance(value, bool | str) or value not in known:
        raise Invalid("setting", key, why=f"`{key}` (in {source}) must be true or false.")
    return known[value]


def _runtime_class(key: str, value: str, source: str) -> RuntimeClass:
    if value not in tuple(RuntimeClass):
        why = f"`{key}` (in {source}) is {value!r}; it must be one of {', '.join(RuntimeClass)}."
        raise Invalid("setting", key, why=why)
    return RuntimeClass(value)


def _whole_number(key: str, value: Any, source: str) -> int:
    try:
        if isinstance(value, str | int) and not isinstance(value, bool):
            return int(value)
    except ValueError:
        pass
    raise Invalid("setting", key, why=f"`{key}` (in {source}) must be a whole number.")
