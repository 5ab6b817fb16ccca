"""Made-up Vietnamese mobile numbers: every number of a sequence has another phone."""

CANARY_SUFFIX = "909090"
"""The last six digits of every canary's phone, and of nobody else's."""

# Prefixes whose every seven-digit rest is a valid mobile number (the tests ask phonenumbers), as used since 2018.
_PREFIXES = (
    *("32", "33", "34", "35", "36", "37", "38", "39", "56", "58", "70", "76", "77", "78", "79"),
    *("81", "82", "83", "84", "85", "86", "88", "90", "91", "93", "94", "96", "97", "98"),
)
_REST = 10_000_000
_RANGE = len(_PREFIXES) * _REST
_CANARY_MODULUS = 10 ** len(CANARY_SUFFIX)
_STEP = 179_424_691  # a prime, so it has no divisor in common with the range: multiplying by it only shuffles
CANARIES_MAX = _RANGE // _CANARY_MODULUS


def phone(number: int, shift: int) -> str:
    """Return the phone of a number from 0 to below 290 million; different numbers, different phones, none a canary's."""
    place = (number * _STEP + shift) % _RANGE
    while place % _CANARY_MODULUS == int(CANARY_SUFFIX):  # walk on: still one to one, since only canaries are left out
        place = (place * _STEP + shift) % _RANGE
    return _at(place)


def canary_phone(number: int) -> str:
    """Return the phone of a canary, 0 to CANARIES_MAX - 1."""
    tens, prefix = divmod(number, len(_PREFIXES))
    return _at(prefix * _REST + tens * _CANARY_MODULUS + int(CANARY_SUFFIX))


def _at(place: int) -> str:
    prefix, rest = divmod(place, _REST)
    return f"+84{_PREFIXES[prefix]}{rest:07d}"
