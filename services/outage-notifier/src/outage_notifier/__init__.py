"""Fans planned cut notices, and every other customer message, out to SMS and push."""

from typing import Final

NAME: Final = "outage-notifier"
"""What the service is called: the source of its events, the audience of its tokens, its consumer group."""
