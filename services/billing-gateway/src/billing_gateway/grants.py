"""What the processes may do in the database: the ledger, and what providers told us, is only added to."""

from typing import Final

from gridcare.postgres.schema.grants import Grants, may

GRANTS: Final = Grants(
    role="gridcare_billing_gateway_app",
    tables={
        "account": may("INSERT"),
        "bill": may("INSERT").of("version"),  # nothing changes a bill yet; to lock its row, a column must be open
        "customer": may("INSERT"),
        "entry": may("INSERT"),
        "ledger_transaction": may("INSERT"),
        "payment": may("INSERT", "UPDATE"),
        "provider_event": may("INSERT").of("handled_at", "outcome"),
    },
)
