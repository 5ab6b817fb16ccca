"""Real servers on this machine, and the processes and ports that they take."""
