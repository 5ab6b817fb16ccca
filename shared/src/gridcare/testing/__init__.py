"""Fixtures and helpers that the tests of every service use."""
