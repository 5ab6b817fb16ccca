"""`customer`: what customers chose."""

from collections.abc import Collection

from gridcare.postgres.database import Connection
from outage_notifier.texts.languages import Language

_CHOOSE = """
INSERT INTO customer (customer_code, language, language_chosen)
SELECT code, $2, true FROM unnest($1::text[]) AS code ORDER BY code
ON CONFLICT (customer_code) DO UPDATE SET language = excluded.language, language_chosen = true
"""


async def choose_language(tx: Connection, customer_codes: Collection[str], language: Language) -> None:
    """Save the language that these customers chose; imports leave it alone from now on."""
    await tx.execute(_CHOOSE, list(customer_codes), language)
