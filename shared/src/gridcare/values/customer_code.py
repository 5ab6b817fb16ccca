"""Customer codes, such as `PB11010012345`."""

import re

CUSTOMER_CODE_PATTERN = r"^PB11[0-9]{2}[0-9]{7}$"
"""`PB` (the southern power corporation), a four-digit unit code that starts with 11, and a seven-digit number.

This is the format seen on bills in Can Tho, not a legal rule: check it where codes come in and nowhere deeper.
"""

_CUSTOMER_CODE = re.compile(r"PB11[0-9]{2}[0-9]{7}")


def is_customer_code(text: str) -> bool:
    """Return whether the text is a customer code: capital letters and ASCII digits with nothing around them."""
    return _CUSTOMER_CODE.fullmatch(text) is not None
