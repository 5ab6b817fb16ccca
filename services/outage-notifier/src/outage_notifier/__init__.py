"""Fans planned cut notices, and every other customer message, out to SMS and push."""

NAME = "outage-notifier"
"""Names this service in its events, its consumer group and the audience of its tokens."""
