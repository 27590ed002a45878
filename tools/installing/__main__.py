"""Makes this machine ready: Debian packages, `.venv`, the runtime parts. Called by tools/setup, as root.

Repeatable; a second run takes a moment. What it makes in the checkout is handed back to the checkout's owner.
"""

import argparse
import fcntl
import os
import sys

from installing import debian, development, environment, runtime, sdks
from installing.shown import StepFailed, say


def main() -> int:
    """Run the steps; a failed one is told in its own words, without a traceback."""
    parser = argparse.ArgumentParser(prog="tools/setup", description="Make this machine ready for Bastide.")
    parser.add_argument("--dev", action="store_true", help="also what the tests need")
    parser.add_argument("--editable", action="store_true", help="link src/ instead of installing a copy")
    chosen = parser.parse_args()
    wanted = environment.Wanted.DEV if chosen.dev else environment.Wanted.RUNTIME
    checkout = os.open(environment.ROOT, os.O_RDONLY)
    fcntl.flock(checkout, fcntl.LOCK_EX)  # two set-ups of one checkout take turns
    try:
        say("Setting up")
        packages = (*debian.RUN_PACKAGES, *environment.venv_packages())
        if chosen.dev:
            shared = debian.shared_kernel_packages()
            tested = (*debian.postgresql_packages(), *debian.language_packages())
            packages = (*packages, *debian.TEST_PACKAGES, *shared, *tested)
        debian.ensure_packages(packages)
        environment.ensure_environment(wanted, editable=chosen.editable)
        folder = runtime.ensure_runtime()
        if chosen.dev:
            debian.ensure_docker()
            development.ensure_development()
            sdks.ensure_sdks()
    except StepFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    finally:
        environment.give_back(environment.VENV, environment.ROOT / "src")
    say(f"  ready: .venv, runtime parts in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
