"""Random numbers that are the same on every machine and independent for each thing that is generated."""

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

_T = TypeVar("_T")
_TEAM_AND_INDEX = struct.Struct(">HQ")
SEED_MAX = 2**63 - 1


class Dice:
    """Draws integers one after another from a 512-bit digest of (seed, topic, team, index).

    Unlike `random.Random`, a digest has no state between things, so any part can be generated without the rest, and it
    does not depend on the machine or the version of Python. The product of all limits must stay well below 2^512.
    """

    __slots__ = ("_bits",)

    def __init__(self, prefix: bytes, team: int, index: int) -> None:
        self._bits = int.from_bytes(blake2b(prefix + _TEAM_AND_INDEX.pack(team, index)).digest(), "little")

    def below(self, limit: int) -> int:
        """Draw a number from 0 to limit - 1."""
        self._bits, value = divmod(self._bits, limit)
        return value

    def around(self, reach: int) -> int:
        """Draw a number from -reach to reach."""
        return self.below(2 * reach + 1) - reach

    def pick(self, choices: Sequence[_T]) -> _T:
        """Draw one of the choices."""
        return choices[self.below(len(choices))]


def dice_prefix(seed: int, topic: str) -> bytes:
    """Return the beginning of every digest of a topic. Raises ValueError if the seed is not between 0 and SEED_MAX."""
    if not 0 <= seed <= SEED_MAX:
        raise ValueError(f"the seed must lie between 0 and {SEED_MAX}")
    return b"gridcare demo data 1 %d %s " % (seed, topic.encode())
