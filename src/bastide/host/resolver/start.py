"""What a resolver process is told by whoever starts it."""

from pathlib import Path

from bastide.host.confined.start import Start


class ResolverStart(Start, frozen=True, kw_only=True):
    """Its one argument."""

    names_file: Path
    resolv_conf: Path
