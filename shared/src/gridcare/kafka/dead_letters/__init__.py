"""Records that could not be applied: set aside, listed, replayed."""
