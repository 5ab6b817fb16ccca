"""How a process starts, lives and ends, the same in every service."""
