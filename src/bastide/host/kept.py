"""What an operator told this host, kept as one JSON file that root alone reads; written whole, by rename."""

from pathlib import Path
from typing import TypeVar

import msgspec

from bastide.files import replace_file
from bastide.model.faults import Invalid

T = TypeVar("T")


def read_kept(path: Path, decoder: msgspec.json.Decoder[T], *, noun: str, nothing: T) -> T:
    """`nothing` when nothing was ever kept. Invalid, of this noun, when the file is not what was written."""
    try:
        return decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return nothing
    except msgspec.MsgspecError as error:
        raise Invalid(noun, str(path), why=f"{path} cannot be read: {error}") from error


def save_kept(path: Path, text: bytes) -> None:
    """Replace it by this JSON."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(path, msgspec.json.format(text))
