"""What contacts are, and what a line of an import says."""
