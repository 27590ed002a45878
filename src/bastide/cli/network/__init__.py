"""Commands about what packets do: `bastide publish`."""

from bastide.cli.network import publish

COMMANDS = (*publish.COMMANDS,)
