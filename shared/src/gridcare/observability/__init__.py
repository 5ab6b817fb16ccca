"""Logs, metrics and traces, each with a closed vocabulary and without personal data."""
