"""The lease of a batch, and quiet hours."""
