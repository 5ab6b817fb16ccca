"""A claimed batch, its lease, quiet hours, and what calls come to."""
