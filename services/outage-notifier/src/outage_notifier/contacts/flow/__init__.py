"""Importing, registering and resealing contacts, and what customers choose."""
