"""The image store over containerd: archives taken in, images pulled, records, a budget for what is kept."""

from bastide.host.containerd.images.store import ContainerdImages

__all__ = ["ContainerdImages"]
