"""Fixtures and helpers for the tests of every service."""
