"""Commands about what packets do: `bastide publish`, `bastide explain-path`."""

from bastide.cli.network import explain_path, publish

COMMANDS = (*publish.COMMANDS, *explain_path.COMMANDS)
