"""The kernel asked over netlink: what a namespace has, and which flows it knows."""
