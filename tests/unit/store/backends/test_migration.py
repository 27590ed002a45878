"""What is the newest schema is known without Alembic, and rightly."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from bastide.store.backends.migration import MIGRATIONS, newest_revision


def test_the_newest_revision_is_alembics_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == newest_revision()
