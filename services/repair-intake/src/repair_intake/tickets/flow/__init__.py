"""Opening and reading tickets."""
