"""Payments: attempts to pay a bill through a provider."""
