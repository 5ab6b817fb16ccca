"""Planning notices, packing one-recipient notices, cutting follow-ups."""
