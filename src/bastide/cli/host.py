"""The host's real parts, put together for the agent, for images and for taking an installation off a host."""

import contextlib
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from bastide.agent import removal
from bastide.agent.preparation import Host
from bastide.cli.processes.containerd import daemon_of
from bastide.cli.processes.services import reach
from bastide.config import Settings
from bastide.host import names
from bastide.host.api_proxies.processes import ApiProxyProcesses
from bastide.host.cgroups import TaskCgroups
from bastide.host.containerd.channel import Channel
from bastide.host.containerd.images import ContainerdImages
from bastide.host.containerd.runtime import ContainerdRuntime
from bastide.host.containerd.unpacking import Room
from bastide.host.disks import LoopDisks
from bastide.host.endpoints import VpcEndpoints
from bastide.host.mounts import read_mounts_below, unmount
from bastide.host.network import VpcNetwork
from bastide.host.network.publications import Publications
from bastide.host.registry.client import RegistryClient
from bastide.host.registry.endpoints import Registries
from bastide.host.registry.own import OwnEcr
from bastide.host.resolver.processes import ResolverProcesses
from bastide.model.network import public_pool
from bastide.plan import firewall
from bastide.plan.publication import render_published

GIB = 1024**3
# -B: what the agent compiles under its umask, nobody else could read.
CONFINED = (sys.executable, "-I", "-B", "-m")
RESOLVER = (*CONFINED, "bastide.agent.network.resolver")
API_PROXY = (*CONFINED, "bastide.agent.network.api_proxy")


@contextlib.asynccontextmanager
async def open_host(settings: Settings) -> AsyncIterator[Host]:
    """The parts of this instance, over one line to its containerd."""
    daemon = daemon_of(settings)
    channel = Channel(settings.containerd_socket, namespace=names.containerd_namespace(settings.instance))
    address, port = reach(settings)
    own = OwnEcr(settings.registry_domain, address=address, port=port)
    registry = RegistryClient(Registries(settings.registries_file, own=own))
    settings.agent_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    network = VpcNetwork(
        settings.instance,
        folder=settings.run_folder / "netns",
        pool=public_pool(settings.instance, settings.public_pool),
        firewall=firewall,
    )
    endpoints = VpcEndpoints(network.router_path)
    try:
        yield Host(
            runtime=ContainerdRuntime(channel, daemon.shim),
            images=ContainerdImages(
                channel,
                scratch_folder=settings.agent_folder,
                registry=registry,
                layers_at_once=settings.pull_layers_at_once,
                limits=Room(bytes=settings.image_gib_max * GIB, entries=settings.image_entries_max),
            ),
            network=network,
            resolvers=ResolverProcesses(
                folder=settings.run_folder / "names",
                program=RESOLVER,
                resolv_conf=settings.resolv_conf,
                cgroups=TaskCgroups(names.resolver_cgroups(settings.instance)),
                router_path=network.router_path,
            ),
            endpoints=endpoints,
            api_proxies=ApiProxyProcesses(
                program=API_PROXY,
                server_socket=settings.vpc_socket,
                port=settings.port,
                cgroups=TaskCgroups(names.api_proxy_cgroups(settings.instance)),
                network=network,
            ),
            publications=Publications(
                settings.instance,
                settings.published_file,
                partial(render_published, links=names.TRANSIT_LINKS),
            ),
            disks=LoopDisks(
                settings.agent_folder / "disks",
                efs_file=settings.efs_file,
                reserve_percent=settings.disk_reserve_percent,
            ),
            cgroups=TaskCgroups(settings.instance, dies_whole=not settings.runtime.shares_kernel),
        )
    finally:
        await endpoints.close()
        await registry.close()
        await channel.close()


async def remove_tasks(settings: Settings) -> int:
    """Take every task of the instance off this host, whatever is left of it; how many there were."""
    async with open_host(settings) as host:
        await host.publications.remove_publications()
        for vpc_id in await host.resolvers.read_resolvers():
            await host.resolvers.remove_resolver(vpc_id)
        for vpc_id in await host.api_proxies.read_api_proxies():
            await host.api_proxies.remove_api_proxy(vpc_id)
        for eni_id, vpc_id in (await host.api_proxies.read_endpoints()).items():
            await host.api_proxies.remove_endpoint(vpc_id, eni_id)
        tasks = await removal.read_task_ids(host)
        for task_id in sorted(tasks):
            await removal.remove_containers(host, task_id)
            await removal.remove_surroundings(host, task_id)
            await removal.remove_views(host, task_id)
        await host.network.remove_unused()
    return len(tasks)


def unmount_below(*folders: Path) -> None:
    """Let go of every mount in the folders, the newest first: tasks' disks, runsc's namespace."""
    for folder in folders:
        for target in read_mounts_below(folder):
            unmount(target)
