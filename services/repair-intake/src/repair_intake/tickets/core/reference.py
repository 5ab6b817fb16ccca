"""The short number of a ticket that a person reads out, such as `T-7K3M9Q`."""

from typing import Final

ALPHABET: Final = "34679ACDEFHJKMNPQRTVWXY"
"""Without characters that look alike on a screen or in handwriting: of 0 O, 1 I L, 2 Z, 5 S, 8 B, U V, 6 G at most one."""

LENGTH: Final = 6
COUNT: Final = len(ALPHABET) ** LENGTH
"""148 million: at a million tickets, one draw in 150 meets a number that is taken, and another is drawn."""


def spell(number: int) -> str:
    """Return the reference of a number from 0 to COUNT - 1; each number has its own."""
    letters = []
    for _ in range(LENGTH):
        number, index = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[index])
    return "T-" + "".join(letters)
