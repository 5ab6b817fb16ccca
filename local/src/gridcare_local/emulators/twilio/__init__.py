"""The Twilio emulator: creates, fetches and lists messages like Twilio, with signed status callbacks."""

from typing import Final

ACCOUNT_SID: Final = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN: Final = "an-auth-token-of-the-emulator-only"
