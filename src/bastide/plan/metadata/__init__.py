"""What the task metadata endpoint answers, as values (ECS developer guide, "Task metadata endpoint")."""
