"""What a task mounts besides its own root: content of images, file systems an operator mapped, sockets."""
