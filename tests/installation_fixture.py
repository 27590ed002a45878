"""The installation that stories share: started once, removed whole at the end.

Real parts are needed: root, the runtime, nft. Where BASTIDE_TEST_REAL=1 says that they must be there, their
absence is a failure; elsewhere it is a loud skip.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bastide.api.keys.admin import FILE_NAME as KEY_FILE
from tests import roles
from tests.installation import IMAGE, Installation
from tests.planted import leaks, remember

RUNTIME = "BASTIDE_TEST_RUNTIME"
SHARED_KERNEL = {"runtime": "runc", "allow_shared_kernel": "true", "runtime_folder": "/usr/bin"}
SETTINGS_OF: Mapping[str, Mapping[str, str]] = {"gvisor": {}, "runc": SHARED_KERNEL}


@pytest.fixture(scope="session")
def bastide() -> Iterator[Installation]:
    """A running installation with the demo image."""
    yield from start_installation("btest")


def start_installation(kind: str, **settings: str) -> Iterator[Installation]:
    """One of its own, for a module that breaks things, counts what is left or needs other settings.

    Two suites can run on one machine at once if each has a BASTIDE_TEST_SUFFIX of its own, as the workers of
    one suite have their numbers. With
    BASTIDE_TEST_RUNTIME=runc the stories are told by that runtime class, with Debian's containerd and runc.
    """
    if os.geteuid() != 0:
        if os.environ.get("BASTIDE_TEST_REAL") == "1":
            pytest.fail("the end-to-end tests must run as root here")
        pytest.skip("the end-to-end tests need root")
    suffix = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("g") + os.environ.get(
        "BASTIDE_TEST_SUFFIX", ""
    )
    instance = f"{kind}-{suffix}" if suffix else kind
    folder = Path(tempfile.mkdtemp(prefix=f"bastide-{instance}-", dir="/var/tmp"))
    folder.chmod(0o755)  # the server's user passes through
    made = Installation(instance, folder, settings or SETTINGS_OF[os.environ.get(RUNTIME, "gvisor")])
    try:
        made.up()
        for role in (roles.NAME, roles.TASK):
            made.make_role(role)
        assert IMAGE in made.bastide("image", "import", str(made.demo_archive()))
        secret = made.environment["AWS_SECRET_ACCESS_KEY"]
        remember("the admin's secret", secret, may_be_in=KEY_FILE)
        yield made
        assert leaks(folder / "data" / instance) == []
    finally:
        made.remove()
        shutil.rmtree(folder)
