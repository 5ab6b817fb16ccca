"""What an outage is, what may happen to it, and who is told what about each change."""
