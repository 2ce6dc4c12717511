"""What proves and documents the project: nothing here runs in operation."""
