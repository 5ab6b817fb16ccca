"""What a line of an import says."""
