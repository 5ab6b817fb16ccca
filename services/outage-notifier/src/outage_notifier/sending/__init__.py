"""Batches of the ledger go to the providers: claim, call, record."""
