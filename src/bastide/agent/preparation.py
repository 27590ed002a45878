"""Makes ready what a task's containers stand on: images, interface, disk, control group, files.

Everything of one task at once, since the parts do not depend on each other. Repeatable, and found again by
an agent that was restarted meanwhile.
"""

import asyncio
import contextlib
import dataclasses
import platform
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from bastide.agent.asking.calls import Calls
from bastide.agent.asking.secrets import Environments, Secrets
from bastide.agent.folders import TaskFolders
from bastide.agent.images import TaskImages
from bastide.agent.metadata.endpoint import TaskEndpoint
from bastide.agent.metadata.stats import TaskStats
from bastide.agent.network.api_access import ApiAccess
from bastide.agent.network.names import Names
from bastide.agent.network.services import VpcServices
from bastide.agent.network.trust import Trust
from bastide.agent.output.logs import Logs
from bastide.agent.output.router import ensure_router
from bastide.agent.volumes import ensure_volumes
from bastide.config import Settings
from bastide.host.ports import (
    ApiProxies,
    Cgroups,
    Credentials,
    Disks,
    Endpoints,
    ImageConfig,
    Images,
    Limits,
    Network,
    Publications,
    Resolvers,
    Runtime,
)
from bastide.host.rlimits import read_nofile_max
from bastide.model.assignment import Assignment, Container
from bastide.model.faults import Fault, Unavailable
from bastide.model.network import public_pool, vpc_resolver
from bastide.model.status import ErrorName
from bastide.model.task_state import TaskState
from bastide.plan.lifecycle import Failure
from bastide.plan.oci.prepared import ApiFiles, Prepared
from bastide.plan.oci.walls import WALLS

INIT_PROGRAM = Path("/usr/bin/tini-static")  # Debian's tini, for `initProcessEnabled`


@dataclasses.dataclass(frozen=True)
class Host:
    """The host's parts."""

    runtime: Runtime
    images: Images
    network: Network
    resolvers: Resolvers
    endpoints: Endpoints
    api_proxies: ApiProxies
    publications: Publications
    disks: Disks
    cgroups: Cgroups


T = TypeVar("T")


class StepFailed(Exception):
    """The step will never work."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.why)
        self.failure = failure


@dataclasses.dataclass(frozen=True)
class Ready:
    """What Prepare made, for the specs."""

    prepared: Prepared
    disk: Path
    images: dict[str, ImageConfig]
    roots: dict[str, Path]
    api_files: dict[str, ApiFiles]  # by container
    image_volumes: Mapping[str, Mapping[str, str]]  # by container, then by path in it
    environments: Environments = dataclasses.field(repr=False)


class Preparation:
    """Of every task of this host; those of different tasks may run at once."""

    def __init__(
        self, host: Host, folders: TaskFolders, logs: Logs, calls: Calls, settings: Settings
    ) -> None:
        self._host = host
        pool, has_api = public_pool(settings.instance, settings.public_pool), settings.task_api
        names = Names(host.resolvers, pool, registry_domain=settings.registry_domain if has_api else "")
        measuring = TaskStats(host.runtime, host.network, host.disks, host.cgroups)
        self.endpoint = TaskEndpoint(host.endpoints, calls, measuring)
        access = ApiAccess(host.api_proxies, has_address=has_api)
        self.services = VpcServices(names, self.endpoint, access)
        self.trust = Trust(settings.agent_folder / "api-ca.pem")
        self._has_api = has_api
        self._folders = folders
        self._logs = logs
        self._secrets = Secrets(calls)
        self._runtime = settings.runtime
        # gVisor keeps these limits itself; a shared kernel keeps to what the machine grants.
        most = read_nofile_max() if settings.runtime.shares_kernel else settings.nofile_hard
        self._nofile = (min(settings.nofile_soft, most), min(settings.nofile_hard, most))
        self._pids_max = settings.pids_max
        self._on_images: dict[str, set[asyncio.Task[Any]]] = {}  # what is under way, by task
        self._interrupted: set[str] = set()
        self.images = TaskImages(host.images, credentials_of=self._credentials_of)

    def interrupt(self, task_id: str) -> None:
        """The task is to stop: nothing more is done about its images, which may take minutes."""
        self._interrupted.add(task_id)
        for work in self._on_images.get(task_id, ()):
            work.cancel()

    def forget(self, task_id: str) -> None:
        """The task was torn down; if it comes again it is prepared anew."""
        self._interrupted.discard(task_id)

    async def _interruptible(self, task_id: str, step: Coroutine[Any, Any, T]) -> T:
        """The step's result; Unavailable when `interrupt` comes before it."""
        work = asyncio.create_task(step)
        if task_id in self._interrupted:
            work.cancel()
        self._on_images.setdefault(task_id, set()).add(work)
        try:
            return await work
        except asyncio.CancelledError:
            if task_id in self._interrupted and work.cancelled():
                raise Unavailable("image", why="the task is to stop") from None
            raise
        finally:
            self._on_images[task_id].discard(work)
            if not self._on_images[task_id]:
                del self._on_images[task_id]

    async def _credentials_of(self, spec: Assignment, container: Container) -> Credentials | None:
        with blame(ErrorName.RESOURCE_INITIALIZATION):
            return await self._secrets.fetch_credentials(spec, container)

    async def ensure_images(self, spec: Assignment, state: TaskState) -> dict[str, ImageConfig]:
        """Each container's image, by the container's name. Raises StepFailed for one that cannot be had."""

        async def ensure(container: Container) -> ImageConfig:
            digest = state.container(container.name).image_digest
            with blame(ErrorName.CANNOT_PULL, container.name):
                ensuring = self.images.ensure(spec, container, digest=digest)
                return await self._interruptible(spec.task_id, ensuring)

        pulls = {c.name: asyncio.create_task(ensure(c)) for c in spec.containers}
        try:
            done, _ = await asyncio.wait(pulls.values(), return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for pull in pulls.values():
                pull.cancel()  # who fails, or is told to stop, does not wait for the others' gigabytes
            await asyncio.gather(*pulls.values(), return_exceptions=True)
        failed = [error for pull in done if (error := pull.exception())]
        for error in sorted(failed, key=lambda error: isinstance(error, Unavailable)):
            raise error
        return {name: pull.result() for name, pull in pulls.items()}

    async def make_ready(self, spec: Assignment, images: dict[str, ImageConfig]) -> Ready:
        """Everything the task's containers stand on. Raises StepFailed or Unavailable."""
        host, task_id = self._host, spec.task_id
        environments, netns, disk, cgroup, *_ = await _all(
            blamed(ErrorName.RESOURCE_INITIALIZATION, partial(self._secrets.fetch, spec)),
            blamed(
                ErrorName.RESOURCE_INITIALIZATION,
                partial(self._join_vpc, spec),
            ),
            blamed(
                ErrorName.RESOURCE_INITIALIZATION,
                partial(host.disks.ensure_disk, task_id, size_gib=spec.storage_gib),
            ),
            blamed(
                ErrorName.RESOURCE_INITIALIZATION,
                partial(host.cgroups.ensure_cgroup, task_id, self.limits_of(spec)),
            ),
            *(self._open_stream(spec, container) for container in spec.containers),
        )
        roots = await _all(
            *(
                blamed(ErrorName.CANNOT_CREATE, partial(self._make_root, spec, c, images[c.name]), c.name)
                for c in spec.containers
            )
        )
        soft, hard = self._nofile
        init = str(INIT_PROGRAM) if INIT_PROGRAM.exists() else ""
        base = Prepared(
            runtime=self._runtime,
            machine=platform.machine(),
            netns=netns,
            cgroup=cgroup,
            nofile_soft=soft,
            nofile_hard=hard,
            pids_max=self._pids_max,
            init_program=init,
        )
        with blame(ErrorName.RESOURCE_INITIALIZATION):
            prepared = ensure_router(
                spec, self._folders.path(spec.task_id), disk, self._write_files(spec, base)
            )
        by_name = dict(zip([container.name for container in spec.containers], roots, strict=True))
        with blame(ErrorName.RESOURCE_INITIALIZATION):
            api_files = self.trust.write(self._folders.path(task_id), by_name) if self._has_api else {}
            folders = await ensure_volumes(spec, host.disks, disk, by_name, images)
        prepared = replace(prepared, volumes=folders.named)
        return Ready(prepared, disk, images, by_name, api_files, folders.of_images, environments)

    async def _join_vpc(self, spec: Assignment) -> str:
        netns = await self._host.network.ensure_eni(spec.eni, task_id=spec.task_id)
        await self.services.ensure(spec.eni.vpc_id)
        return netns

    def limits_of(self, spec: Assignment) -> Limits:
        """The task's size, as its control group takes it."""
        pids = WALLS[self._runtime].plan_pids(spec, pids_max=self._pids_max)
        return Limits(cpu_units=spec.cpu_units, memory_mib=spec.memory_mib, pids=pids)

    async def _open_stream(self, spec: Assignment, container: Container) -> None:
        with blame(ErrorName.RESOURCE_INITIALIZATION):
            refused = await self._logs.open_stream(spec, container)
        if refused is not None:
            why = (
                "failed to validate logger args: create stream has been retried 1 times: "
                f"failed to create Cloudwatch log stream: {refused}"
            )
            raise StepFailed(Failure(error=ErrorName.RESOURCE_INITIALIZATION, why=why))

    async def _make_root(self, spec: Assignment, container: Container, image: ImageConfig) -> Path:
        unpacking = self._host.images.ensure_lower(image.reference, container.runtime_id)
        lower = await self._interruptible(spec.task_id, unpacking)
        return await self._host.disks.ensure_rootfs(spec.task_id, container.name, lower)

    def _write_files(self, spec: Assignment, prepared: Prepared) -> Prepared:
        """The files bound into every container."""
        folder = self._folders.path(spec.task_id)
        texts = {"hosts": _hosts(spec), "hostname": spec.eni.hostname + "\n", "resolv.conf": _resolver(spec)}
        for name, text in texts.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o644)
        return replace(
            prepared,
            hosts=str(folder / "hosts"),
            hostname=str(folder / "hostname"),
            resolv_conf=str(folder / "resolv.conf"),
        )


def _hosts(spec: Assignment) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    return "\n".join([*lines, f"{spec.eni.private_ip} {spec.eni.hostname}", ""])


def _resolver(spec: Assignment) -> str:
    """The VPC's own resolver, at its base address plus two, and the VPC's domain."""
    resolver = vpc_resolver(IPv4Network(spec.eni.vpc_cidr))
    return f"nameserver {resolver}\nsearch {spec.eni.hostname.partition('.')[2]}\n"


async def _all(*steps: Awaitable[Any]) -> list[Any]:
    """Everything at once; when one fails, the others end first, so that nothing runs behind our back."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in sorted(failures, key=lambda error: isinstance(error, Unavailable)):
        raise failure
    return list(results)


async def blamed(error: ErrorName, step: Callable[[], Awaitable[Any]], container: str | None = None) -> Any:
    """The step's result; its failure as `blame` has it."""
    with blame(error, container):
        return await step()


@contextlib.contextmanager
def blame(error: ErrorName, container: str | None = None) -> Iterator[None]:
    """Turn what will never mend into a failure with ECS's name for it."""
    try:
        yield
    except Unavailable:
        raise
    except (Fault, OSError, msgspec.MsgspecError) as fault:
        raise StepFailed(Failure(error=error, why=str(fault), container=container)) from fault
