"""PostgreSQL, run from a wheel."""
