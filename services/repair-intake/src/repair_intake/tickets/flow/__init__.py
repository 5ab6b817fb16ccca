"""Submitting and reading tickets, and releasing those that an outage explains no more."""
