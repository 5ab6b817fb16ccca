"""Records that could not be applied: put aside, listed and replayed."""
