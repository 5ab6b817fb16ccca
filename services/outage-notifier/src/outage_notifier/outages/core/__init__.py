"""What an outage is, what may happen to it, and whom each change tells what."""
