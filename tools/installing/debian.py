"""Debian's packages: only those missing, in one apt-get call. Never starts or changes a service.

On another distribution nothing is installed: the programs are looked for, and what is missing is named.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from installing.shown import StepFailed, output_of, run, say

PROGRAM_OF = {  # what each package is wanted for, to look for on machines without dpkg
    "buildah": "buildah",
    "busybox-static": "busybox",
    "containerd": "containerd",
    "default-jdk-headless": "java",
    "docker.io": "dockerd",
    "docker-registry": "docker-registry",
    "e2fsprogs": "mkfs.ext4",
    "iproute2": "ip",
    "mount": "mount",
    "nftables": "nft",
    "nodejs": "node",
    "runc": "runc",
    "skopeo": "skopeo",
    "tini": "tini-static",
    "util-linux": "unshare",
}
RUN_PACKAGES = (
    "ca-certificates",
    "busybox-static",
    "e2fsprogs",
    "iproute2",
    "mount",
    "nftables",
    "tini",
    "util-linux",
)
# Clients that push and pull, and another registry; never started as a service: tests start their own.
TEST_PACKAGES = ("buildah", "docker-registry", "skopeo")
CLUSTER_CONF = Path("/etc/postgresql-common/createcluster.conf")
PACKAGED_CLUSTER_CONF = Path("/usr/share/postgresql-common/createcluster.conf")
SERVICE_POLICY = Path("/usr/sbin/policy-rc.d")


def ensure_packages(names: Sequence[str]) -> None:
    """Install what is missing of `names`."""
    if shutil.which("dpkg-query") is None or shutil.which("apt-get") is None:
        _require_programs(names)
        return
    missing = [name for name in names if not _is_installed(name)]
    if not missing:
        return
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "UCF_FORCE_CONFFOLD": "1", "LC_ALL": "C.UTF-8"}
    apt_get = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0", "-y"]
    # A machine's own docker or containerd may be another distributor's: nothing is removed for ours.
    install = [*apt_get, "install", "--no-install-recommends", "--no-remove", *missing]
    try:
        run([*apt_get, "update"], title="Reading Debian's package lists", env=env)
        with contextlib.ExitStack() as undo:
            undo.enter_context(_services_left_alone())
            if "postgresql" in missing:
                undo.enter_context(_no_cluster_made())
            run(install, title=f"Installing {', '.join(missing)}", env=env)
    except StepFailed as failed:
        raise StepFailed(f"{failed}\nInstall by hand: apt-get install {' '.join(missing)}") from failed


def postgresql_packages() -> tuple[str, ...]:
    """What gives PostgreSQL's server programs, for tests that start one of their own."""
    there = any(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or shutil.which("postgres")
    return () if there else ("postgresql",)


def language_packages() -> tuple[str, ...]:
    """What runs the programs that tests write with AWS's SDKs, unless the machine has it."""
    packages = {"java": "default-jdk-headless", "node": "nodejs"}
    return tuple(package for program, package in packages.items() if not shutil.which(program))


def shared_kernel_packages() -> tuple[str, ...]:
    """What the runtime class `runc` is tested with, unless the machine has it, by whatever package."""
    programs = ("containerd", "containerd-shim-runc-v2", "runc")
    return () if all(shutil.which(program) for program in programs) else ("containerd", "runc")


def ensure_docker() -> None:
    """A docker daemon to start in tests, unless the machine has one; its absence only skips those tests."""
    if shutil.which("dockerd"):
        return
    try:
        ensure_packages(("docker.io",))
        if shutil.which("systemctl"):  # at the next start it would close forwarding for everybody
            disable = ["systemctl", "disable", "docker.service", "docker.socket"]
            run(disable, title="Keeping docker from starting by itself")
    except StepFailed as failed:
        say(f"  no docker, so nothing will be tested with it: {failed}")


def _is_installed(name: str) -> bool:
    return output_of(["dpkg-query", "-W", "-f", "${db:Status-Status}", name]) == "installed"


def _require_programs(names: Sequence[str]) -> None:
    missing = [program for name in names if (program := PROGRAM_OF.get(name)) and not shutil.which(program)]
    if missing:
        raise StepFailed(f"This is no Debian; please install {', '.join(missing)} and try again")


@contextlib.contextmanager
def _services_left_alone() -> Iterator[None]:
    """Debian starts a service when its package arrives (nftables, PostgreSQL …); none is wanted here."""
    if SERVICE_POLICY.exists():
        yield
        return
    SERVICE_POLICY.write_text("#!/bin/sh\nexit 101\n")
    SERVICE_POLICY.chmod(0o755)
    try:
        yield
    finally:
        SERVICE_POLICY.unlink(missing_ok=True)


@contextlib.contextmanager
def _no_cluster_made() -> Iterator[None]:
    """PostgreSQL's package makes a database of its own unless this file says no; what stood there returns."""
    before = CLUSTER_CONF.read_text() if CLUSTER_CONF.exists() else None
    CLUSTER_CONF.parent.mkdir(parents=True, exist_ok=True)
    CLUSTER_CONF.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        CLUSTER_CONF.with_name(f"{CLUSTER_CONF.name}.ucf-dist").unlink(missing_ok=True)
        if before is None and PACKAGED_CLUSTER_CONF.exists():
            before = PACKAGED_CLUSTER_CONF.read_text()
        if before is None:
            CLUSTER_CONF.unlink()
        else:
            CLUSTER_CONF.write_text(before)
