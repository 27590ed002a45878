"""`python -m bastide` is the `bastide` program."""

import sys

from bastide.cli import main

sys.exit(main())
