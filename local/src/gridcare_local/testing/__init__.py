"""Servers for tests: a broker and a database server per session, topics and a database per test."""
