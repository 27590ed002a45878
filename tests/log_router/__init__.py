"""A log router to try FireLens with: the machine's Fluent Bit where there is one, else a small receiver."""
