"""Commands that ask the server: `bastide events` and `bastide task`."""

from bastide.cli.operator import events, tasks

COMMANDS = (*events.COMMANDS, *tasks.COMMANDS)
