"""One file a change of the schema; a released file is never edited."""
