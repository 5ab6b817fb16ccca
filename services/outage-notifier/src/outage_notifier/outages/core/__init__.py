"""What an outage is, what may happen to it, and what each step says to whom."""
