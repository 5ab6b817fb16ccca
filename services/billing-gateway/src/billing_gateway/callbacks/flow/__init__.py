"""Storing callbacks, and handling them from their stored rows."""
