"""What a registry holds, as values: digests, manifests, repositories' names and rules."""
