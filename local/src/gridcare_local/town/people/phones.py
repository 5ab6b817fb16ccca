"""Made-up Vietnamese mobile numbers, one for each number of a sequence."""

CANARY_SUFFIX = "909090"
"""The last six digits of every canary's phone and of no other."""

# prefixes in use since 2018, for which any seven further digits are a valid mobile number; a test asks phonenumbers
_PREFIXES = (
    *("32", "33", "34", "35", "36", "37", "38", "39", "56", "58", "70", "76", "77", "78", "79"),
    *("81", "82", "83", "84", "85", "86", "88", "90", "91", "93", "94", "96", "97", "98"),
)
_REST = 10_000_000
_RANGE = len(_PREFIXES) * _REST
_CANARY_MODULUS = 10 ** len(CANARY_SUFFIX)
_STRIDE = 179_424_691  # a prime, so it shares no divisor with the range and multiplying by it only permutes the numbers
CANARIES_MAX = _RANGE // _CANARY_MODULUS


def phone(number: int, shift: int) -> str:
    """Return the phone for a number from 0 to below 290 million. Phones of two numbers differ; none is a canary's."""
    digits = (number * _STRIDE + shift) % _RANGE
    while digits % _CANARY_MODULUS == int(CANARY_SUFFIX):  # only canaries are skipped, so it stays one to one
        digits = (digits * _STRIDE + shift) % _RANGE
    return _phone_of(digits)


def canary_phone(number: int) -> str:
    """Return the phone of a canary with a number from 0 to CANARIES_MAX - 1."""
    tens, prefix = divmod(number, len(_PREFIXES))
    return _phone_of(prefix * _REST + tens * _CANARY_MODULUS + int(CANARY_SUFFIX))


def _phone_of(digits: int) -> str:
    prefix, rest = divmod(digits, _REST)
    return f"+84{_PREFIXES[prefix]}{rest:07d}"
