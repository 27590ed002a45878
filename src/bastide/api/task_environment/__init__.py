"""What a task's containers get beside their plain `environment`: values of secrets, parameters and files."""
