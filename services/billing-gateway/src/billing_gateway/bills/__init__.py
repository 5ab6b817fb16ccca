"""Bills: what customers owe."""
