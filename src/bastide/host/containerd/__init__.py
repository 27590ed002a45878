"""containerd's side of the host: containers and images of one instance's namespace."""
