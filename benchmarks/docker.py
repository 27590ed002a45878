"""The other reference: `docker run -d`, where a docker daemon answers or can be started.

Docker's default runtime shares the host's kernel; what is compared is the wait, not the walls. A daemon that
is not running is started for the benchmark alone and ended after it, with folders, socket and network
namespace of its own: in the host's it would close forwarding for everybody.
"""

import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

IMAGE = "bastide-bench"
START_S = 30.0
COMMAND = ("sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait")


class Unreachable(Exception):
    """There is no docker to compare with; says why."""


class Docker:
    """A docker daemon with the demo's image; `close` leaves it as it was."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder / "docker"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._environment = dict(os.environ)
        if shutil.which("docker") is None:
            raise Unreachable("there is no `docker` on PATH")
        if not self._answers():
            self._start()
        archive = shutil.make_archive(str(folder / "docker-root"), "tar", root)
        self._run("import", archive, IMAGE)

    def measure_start(self, count: int = 1) -> float:
        """Seconds until `docker run -d` has come back, for all of them at once."""
        with ThreadPoolExecutor(count) as pool:
            started_at = time.perf_counter()
            list(pool.map(self._start_one, [f"{IMAGE}-{number}" for number in range(count)]))
            elapsed_s = time.perf_counter() - started_at
        self._run("rm", "--force", *(f"{IMAGE}-{number}" for number in range(count)))
        return elapsed_s

    def close(self) -> None:
        """Remove the image; end the daemon if it is ours."""
        self._run("rmi", IMAGE)
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait()

    def _start_one(self, name: str) -> None:
        limits = ("--cpus", "0.25", "--memory", "512m")
        self._run("run", "-d", "--name", name, *limits, IMAGE, *COMMAND)

    def _answers(self) -> bool:
        words = ["docker", "version", "--format", "{{.Server.Version}}"]
        done = subprocess.run(words, env=self._environment, capture_output=True, check=False)
        return done.returncode == 0

    def _start(self) -> None:
        if shutil.which("dockerd") is None:
            raise Unreachable("no docker daemon answers, and there is no `dockerd` on PATH to start one")
        self._folder.mkdir()
        socket = f"unix://{self._folder}/docker.sock"
        words = ["unshare", "--net", "dockerd", "--host", socket, "--pidfile", str(self._folder / "pid")]
        words += [f"--{name}-root={self._folder / name}" for name in ("data", "exec")]
        with (self._folder / "log").open("wb") as log:
            self._daemon = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._environment["DOCKER_HOST"] = socket
        until = time.monotonic() + START_S
        while not self._answers():
            if self._daemon.poll() is not None or time.monotonic() > until:
                self._daemon.kill()
                last = (self._folder / "log").read_text().splitlines()[-1:]
                raise Unreachable(f"dockerd does not start: {' '.join(last)}")
            time.sleep(0.2)

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            ["docker", *words],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"docker {words[0]}: {done.stderr.strip()}")
