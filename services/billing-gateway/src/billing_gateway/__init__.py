"""Registers bills, takes payments from payment providers and records both in a double-entry ledger."""

from typing import Final

NAME: Final = "billing-gateway"
"""What the service is called: the source of its events, the audience of its tokens, its consumer group."""
