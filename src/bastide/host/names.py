"""Names of what the agent makes on a host: derived from instance and id, so that they are found again.

Link names have 15 characters at most (IFNAMSIZ), so links carry a hash of the instance.
"""

import hashlib

from bastide.model.arn import TaskId

HOST_TABLES = "bastide-"  # how the nft tables of all instances on a host begin
TRANSIT_LINKS = "bt"  # how the transit links of all instances begin


def instance_tag(instance: str) -> str:
    """Four hex digits that stand for the instance in link names."""
    return hashlib.sha256(instance.encode()).hexdigest()[:4]


def task_netns(instance: str, task_id: TaskId | str) -> str:
    """The namespace a task's sandbox lives in."""
    return f"{instance}-task-{task_id}"


def vpc_netns(instance: str, vpc_id: str) -> str:
    """The namespace that is a VPC's router."""
    return f"{instance}-{vpc_id}"


def transit_link(instance: str, vpc_id: str) -> str:
    """The host's end of the pair that joins a VPC to this host."""
    return f"{transit_prefix(instance)}{hashlib.sha256(vpc_id.encode()).hexdigest()[:8]}"


def cgroup_name(instance: str, task_id: TaskId | str) -> str:
    """Below every controller's root (v1) or the one root (v2)."""
    return f"{instance}/{task_id}"


def resolver_cgroups(instance: str) -> str:
    """The group of the VPCs' resolvers; its dot keeps it apart from every instance's."""
    return f"{instance}.resolver"


def api_proxy_cgroups(instance: str) -> str:
    """The group of the VPCs' ways to the API."""
    return f"{instance}.api"


def published_table(instance: str) -> str:
    """The nft table of the host's published ports."""
    return f"published-{instance}"


def containerd_namespace(instance: str) -> str:
    """containerd's own word for a tenant."""
    return instance


def transit_prefix(instance: str) -> str:
    """How every transit link of the instance begins."""
    return f"{TRANSIT_LINKS}{instance_tag(instance)}"


def host_table(instance: str) -> str:
    """The instance's own nft table on the host."""
    return f"{HOST_TABLES}{instance}"
