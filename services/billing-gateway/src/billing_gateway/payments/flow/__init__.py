"""Beginning payments and letting go of those whose time passed."""
