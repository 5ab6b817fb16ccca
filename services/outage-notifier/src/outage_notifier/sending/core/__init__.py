"""A claimed batch, its lease, quiet hours, and what follows from calls."""
