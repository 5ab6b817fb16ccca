"""Customer codes, such as `PB11010012345`."""

import re

CUSTOMER_CODE_PATTERN = r"^PB11[0-9]{2}[0-9]{7}$"
"""`PB` (the southern power corporation), a unit code of four digits that starts with 11, a number of seven digits.

The format as it is seen on bills of Can Tho, not a rule of a law: keep it where codes come in, and nowhere deeper.
"""

_CUSTOMER_CODE = re.compile(r"PB11[0-9]{2}[0-9]{7}")


def is_customer_code(text: str) -> bool:
    """Tell whether the text is a customer code: capital letters, ASCII digits, nothing around it."""
    return _CUSTOMER_CODE.fullmatch(text) is not None
