"""The nouns of the ledger and the rules by which a delivery moves."""
