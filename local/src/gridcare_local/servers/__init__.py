"""Real servers on this machine, and their processes and ports."""
