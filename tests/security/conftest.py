"""One installation for all stories that do not break it."""

from tests.installation_fixture import bastide as bastide
