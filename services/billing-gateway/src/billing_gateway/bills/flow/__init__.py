"""Registering and reading bills."""
