"""Image archives as files: what `docker save`, skopeo and buildah write, read without being extracted."""
