"""Our terminal at VNPay."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Terminal:
    """A merchant's terminal: its code, and the secret that signs whatever goes either way. VNPay issues both together."""

    tmn_code: str
    hash_secret: str = field(repr=False)
