"""Pull-through caches: what is not here is fetched from another registry once, and is here from then on."""
