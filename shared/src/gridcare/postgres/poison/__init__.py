"""Poison: work that fails again and again is counted, parked after five tries, and released by a command."""
