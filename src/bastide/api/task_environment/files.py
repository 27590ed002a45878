"""What is in an environment file. Pure.

One `NAME=value` a line, as it stands: no quotes, no spaces taken away, no shell. Lines that begin with `#`,
have no `=`, or nothing on one side of it are passed over, as the ECS agent does; of a name that stands twice
in one file the last counts.
"""

from bastide.model.faults import Invalid


def parse_environment_file(content: bytes) -> dict[str, str]:
    """The file's variables. Raises Invalid for what is no UTF-8."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise Invalid("environment file", why="the file is not UTF-8") from error
    variables: dict[str, str] = {}
    for line in text.split("\n"):
        name, _, value = line.removesuffix("\r").partition("=")
        if name and value and not name.startswith("#"):
            variables[name] = value
    return variables
