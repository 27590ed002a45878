"""What is said of a container beyond its task: its image, its health."""
