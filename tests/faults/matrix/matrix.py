"""The faults, in their order."""

from typing import Final

from tests.faults.matrix.processes import PROCESS_FAULTS

MATRIX: Final = tuple(sorted(PROCESS_FAULTS, key=lambda fault: fault.number))
