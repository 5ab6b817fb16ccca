"""Each service's database is migrated by its own files and the shared ones, in the order of their numbers."""

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "shared/src/gridcare/postgres/migrations"


@pytest.mark.parametrize("service", ["outage-notifier", "repair-intake", "billing-gateway"])
def test_migration_numbers_are_unique(service: str):
    """No migration of a service has the number of a shared one or of another: only the first of two would be applied."""
    files = [*SHARED.glob("*.sql"), *(ROOT / "services" / service / "migrations").glob("*.sql")]
    numbers = Counter(file.name.partition("_")[0] for file in files)
    assert {number for number, count in numbers.items() if count > 1} == set()
