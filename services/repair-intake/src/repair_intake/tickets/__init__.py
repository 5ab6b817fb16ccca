"""Tickets: customers open and read them; an outage that explains one is told at once."""
