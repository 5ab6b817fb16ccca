"""Fans planned cut notices out to SMS and push."""
