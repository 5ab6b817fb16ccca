"""Callbacks of payment providers: verified, stored, answered, and handled from the stored row."""
