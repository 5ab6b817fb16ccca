"""Sending one batch, by push or by SMS."""
