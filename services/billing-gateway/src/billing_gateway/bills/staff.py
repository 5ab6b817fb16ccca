"""Who of the utility's staff may see any customer's bills and payments."""

from typing import Final

from gridcare.http.auth import Role

MONEY_STAFF: Final[tuple[Role, ...]] = ("cashier", "accountant", "ops")
"""Every other role sees no customer's money but the caller's own."""
