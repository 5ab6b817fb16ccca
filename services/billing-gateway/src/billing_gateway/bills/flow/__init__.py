"""Registering and reading bills, and noting who can be billed."""
