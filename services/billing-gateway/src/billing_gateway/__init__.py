"""Records payments in a double-entry ledger."""
