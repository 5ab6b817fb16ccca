"""The phones and devices of customers, sealed by `vault.py`, and what customers chose. None of it is ever on a topic."""
