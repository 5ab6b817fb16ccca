"""How many of something are here now, in all and of each client address."""


class Tally:
    """Counts what comes and goes by address. An address that has nothing here takes no memory."""

    def __init__(self) -> None:
        self.total = 0
        self._of: dict[str, int] = {}

    def of(self, address: str) -> int:
        """Return how many of an address are here."""
        return self._of.get(address, 0)

    def came(self, address: str) -> None:
        """Count one more of an address."""
        self.total += 1
        self._of[address] = self.of(address) + 1

    def went(self, address: str) -> None:
        """Count one less of an address, of those that came."""
        self.total -= 1
        self._of[address] -= 1
        if not self._of[address]:
            del self._of[address]
