"""What an operator asks: `bastide events` and `bastide task` of the server, `bastide audit` of its files."""

from bastide.cli.operator import audit, events, tasks

COMMANDS = (*audit.COMMANDS, *events.COMMANDS, *tasks.COMMANDS)
