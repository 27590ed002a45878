"""What a task mounts besides its own root: content copied from images, file systems an operator mapped."""
