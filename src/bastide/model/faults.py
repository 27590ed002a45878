"""The nine ways an operation can fail, without a word of AWS.

`noun` says what it is about and picks the row of the table in `api/errors/`; `why`, when given,
is the sentence the user reads. Plain classes on purpose: a frozen dataclass exception breaks inside
`contextlib`, which assigns `__traceback__`.
"""


class Fault(Exception):
    """Something known went wrong with a `noun` called `name`."""

    def __init__(self, noun: str, name: str = "", *, why: str = "") -> None:
        super().__init__(why or f"{type(self).__name__}: {noun} {name}".rstrip())
        self.noun = noun
        self.name = name
        self.why = why


class NotFound(Fault):
    """There is no such thing."""


class AlreadyExists(Fault):
    """There is one already."""


class Invalid(Fault):
    """The value asked for cannot be."""


class Conflict(Fault):
    """Somebody else changed it first, or a token was used for something else; `ids` names what stands."""

    def __init__(self, noun: str, name: str = "", *, why: str = "", ids: tuple[str, ...] = ()) -> None:
        super().__init__(noun, name, why=why)
        self.ids = ids


class InUse(Fault):
    """It cannot go while something else needs it."""


class LimitExceeded(Fault):
    """A quota stands in the way."""


class Denied(Fault):
    """The caller may not; `encoded` says to whoever may open it what decided."""

    def __init__(self, noun: str, name: str = "", *, why: str = "", encoded: str = "") -> None:
        super().__init__(noun, name, why=why)
        self.encoded = encoded


class Unsupported(Fault):
    """Bastide does not do this."""


class Unavailable(Fault):
    """Not now; the only fault that means "try again"."""
