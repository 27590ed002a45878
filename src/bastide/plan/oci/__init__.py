"""The OCI runtime specs of a task's containers, as values: what each may do, sees and is held by."""
