"""Logs, metrics and traces: each with one closed vocabulary, none with personal data."""
