"""PostgreSQL: transactions, the outbox and its relay, the inbox, Idempotency-Keys, migrations."""
