"""What a registry keeps: records of repositories, images, tags and layers; blobs as files beside them."""
