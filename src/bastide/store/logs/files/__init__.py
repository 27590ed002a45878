"""The files of logs: journals, segments, and what makes the one into the other."""
