"""Who of the utility's staff may see any customer's bills and payments."""

from typing import Final

from gridcare.http.auth import Role

MONEY_STAFF: Final[tuple[Role, ...]] = ("cashier", "accountant", "ops")
"""The other roles see only the caller's own bills and payments."""
