"""Storing and applying receipts and marks, and resolving the unknown."""
