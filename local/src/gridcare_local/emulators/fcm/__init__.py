"""The FCM emulator: `messages:send` of FCM v1 over HTTP/2 with TLS, and the OAuth token endpoint for senders."""

from typing import Final

PROJECT_ID: Final = "gridcare-local"
