"""What a task has on this host, found and removed by its name alone. Every call is repeatable."""

import asyncio

from bastide.agent.preparation import Host
from bastide.plan.oci.spec import sandbox_id


async def read_task_ids(host: Host) -> set[str]:
    """Every task that has anything on this host."""
    found = await asyncio.gather(
        host.network.read_enis(), host.disks.read_disks(), host.cgroups.read_cgroups()
    )
    containers = await host.runtime.read_containers()
    views = await host.images.read_lower_keys()
    return set().union(*found) | {name[:32] for name in [*containers, *views]}


async def remove_containers(host: Host, task_id: str) -> None:
    """The task's containers first, the sandbox they live in last."""
    ids = [name for name in await host.runtime.read_containers() if name.startswith(task_id)]
    sandbox = sandbox_id(task_id)
    for container_id in sorted(ids, key=lambda name: name == sandbox):
        await host.runtime.remove_container(container_id)


async def remove_surroundings(host: Host, task_id: str) -> None:
    """The control group with whatever still runs in it, then disk and network."""
    await host.cgroups.remove_cgroup(task_id)
    await asyncio.gather(host.disks.remove_disk(task_id), host.network.remove_eni(task_id))


async def remove_views(host: Host, task_id: str) -> None:
    """Its claims on images' layers, when nothing is mounted from them any more."""
    for key in await host.images.read_lower_keys():
        if key.startswith(task_id):
            await host.images.remove_lower(key)
