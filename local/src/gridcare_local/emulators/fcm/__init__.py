"""The FCM emulator: `messages:send` of FCM v1 over TLS HTTP/2, and the OAuth token endpoint its senders need."""

from typing import Final

PROJECT_ID: Final = "gridcare-local"
