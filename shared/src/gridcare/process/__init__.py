"""How a process starts, runs and stops, the same in every service."""
