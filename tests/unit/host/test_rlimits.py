"""The agent's own limits."""

import resource

from bastide.host.rlimits import OPEN_FILES, raise_open_files


def test_the_agent_may_open_many_more_files_than_a_shell_gives_it() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
        raise_open_files()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert (soft, hard) == (min(before[1], OPEN_FILES), before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
