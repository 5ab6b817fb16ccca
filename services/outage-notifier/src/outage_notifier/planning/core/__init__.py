"""The choice of a channel and of contacts for each recipient."""
