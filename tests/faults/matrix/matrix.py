"""The faults, in their order."""

from typing import Final

from tests.faults.matrix.payers import PAYER_FAULTS
from tests.faults.matrix.processes import PROCESS_FAULTS
from tests.faults.matrix.providers import PROVIDER_FAULTS
from tests.faults.matrix.records import EXTRA_FAULTS, RECORD_FAULTS
from tests.faults.matrix.servers import SERVER_FAULTS

MATRIX: Final = tuple(
    sorted(
        (*PROCESS_FAULTS, *SERVER_FAULTS, *PROVIDER_FAULTS, *PAYER_FAULTS, *RECORD_FAULTS),
        key=lambda fault: fault.number,
    )
)
EXTRA: Final = EXTRA_FAULTS

DRAWN: Final = tuple(fault for fault in MATRIX if fault.number not in {9, 16, 34, 35})
"""What a random campaign draws from: faults that leave the stack to itself, not those that look at one answer."""
