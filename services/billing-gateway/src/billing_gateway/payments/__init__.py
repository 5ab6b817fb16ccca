"""Payments: money on its way for a bill through a provider."""
