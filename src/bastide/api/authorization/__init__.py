"""May the caller do this? What each call is about, whose policies count, and the decision."""
