"""New documents in the shapes that Describe calls show, as AWS makes them by default. Reads nothing."""
