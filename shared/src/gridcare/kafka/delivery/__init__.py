"""How the producer delivers records: each partition on its own, and what became of every record."""
