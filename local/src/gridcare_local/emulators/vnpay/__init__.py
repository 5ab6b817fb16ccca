"""The VNPay emulator: a payer's side that calls back, and the merchant web API that says what was paid."""

from typing import Final

QUERY_PATH: Final = "/merchant_webapi/api/transaction"
"""Where the merchant web API is asked."""
