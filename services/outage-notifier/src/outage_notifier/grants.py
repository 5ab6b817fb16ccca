"""What the processes may do in the database: what proves that somebody was told is added, completed, and never deleted.

Months that are over go as whole partitions, by a function that refuses to drop a recent one; so do old changes of phones.
"""

from typing import Final

from gridcare.postgres.schema.grants import Grants, may

_COMPLETED_BY = ("ended_at", "outcome", "error_code", "provider_message_id")

GRANTS: Final = Grants(
    role="gridcare_outage_notifier_app",
    tables={
        # contacts
        "customer": may("INSERT", "UPDATE"),
        "device": may("INSERT", "UPDATE", "DELETE"),
        "device_aside": may("INSERT", "UPDATE", "DELETE"),
        "device_customer": may("INSERT", "DELETE"),
        "import": may("INSERT").of("ended_at", "digest", "kept", "refused"),
        "phone": may("INSERT", "UPDATE"),
        "phone_change": may("INSERT"),
        "supply_point": may("INSERT", "UPDATE"),
        # outages
        "outage": may("INSERT", "UPDATE"),
        "outage_revision": may("INSERT"),
        # the ledger
        "attempt": may("INSERT").of(*_COMPLETED_BY),
        "attempt_default": may(),  # read to see what came outside of all months
        "batch": may("INSERT", "UPDATE"),
        "batch_default": may(),
        "breaker": may("UPDATE"),
        "cover": may("INSERT", "UPDATE", "DELETE"),
        "delivery": may("INSERT", "UPDATE"),
        "delivery_default": may(),
        "notice": may("INSERT", "UPDATE", "DELETE"),
        "notice_contact": may("INSERT", "DELETE").of("ahead", "recipient_id", "verified"),
        "rate_grant": may("INSERT", "UPDATE"),
        "receipt": may("INSERT").of("applied_at", "apply_at", "body_sealed", "result"),
        "receipt_key": may("INSERT", "DELETE"),
        "sms_message": may("INSERT", "DELETE"),
    },
    functions=(
        "add_partition(text, date)",
        "drop_partition(text)",
        "first_id(timestamptz)",
        "forget_phone_changes(timestamptz, integer)",
        "index_partition(text)",
    ),
)
