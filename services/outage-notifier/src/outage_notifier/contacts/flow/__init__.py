"""Registering, importing and resealing contacts."""
