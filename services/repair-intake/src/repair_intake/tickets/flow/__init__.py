"""Submitting and reading tickets, and releasing those whose outage is cancelled."""
