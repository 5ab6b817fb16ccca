"""Google's firebase-admin, pointed at the emulator, and the message that every contender sends."""

import json
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

TITLE = "Thông báo ngừng cung cấp điện"
TEXT = "Điện tại TP. Cần Thơ tạm ngừng từ 08:00 đến 11:00 ngày 30/11 để bảo trì lưới điện. Mong quý khách thông cảm."
TAG = "outage-0193f0a0-0000-7000-8000-000000000001"
DATA = {
    "notice_id": "0193f0a0-0000-7000-8000-000000000002",
    "kind": "announcement",
    "outage_id": TAG[7:],
    "revision": "1",
}
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"

SendEach = Callable[[list[Any]], Awaitable[Any]]


def open_app(url: str, credentials_file: str) -> SendEach:
    """Return `send_each_async` of an app that sends to `url`. It trusts the certificates in SSL_CERT_FILE."""
    import firebase_admin  # noqa: PLC0415 - slow to import, and not every contender needs it
    from firebase_admin import credentials, messaging  # noqa: PLC0415

    # The library has no setting for the address of messaging; it is a constant of a class.
    service: Any = messaging._MessagingService
    service.FCM_URL = f"{url}/v1/projects/{{0}}/messages:send"
    app = firebase_admin.initialize_app(credentials.Certificate(credentials_file))

    async def send_each(messages: list[Any]) -> Any:
        return await messaging.send_each_async(messages, app=app)

    return send_each


def push(token: str, *, delivery_id: str) -> Any:
    """Build one message, as an application builds one for each recipient."""
    from firebase_admin import messaging  # noqa: PLC0415 - as above

    return messaging.Message(
        fid=token,
        data={**DATA, "delivery_id": delivery_id},
        notification=messaging.Notification(title=TITLE, body=TEXT),
        android=messaging.AndroidConfig(
            ttl=timedelta(hours=3), priority="normal", notification=messaging.AndroidNotification(tag=TAG)
        ),
        apns=messaging.APNSConfig(
            headers={"apns-collapse-id": TAG, "apns-priority": "5"},
            payload=messaging.APNSPayload(messaging.Aps(sound="default")),
        ),
    )


def access_token(credentials_file: str, ca_file: str) -> str:
    """Get an access token from the emulator's OAuth endpoint."""
    os.environ |= {"REQUESTS_CA_BUNDLE": ca_file, "NO_PROXY": "127.0.0.1"}
    from google.auth.transport.requests import Request  # noqa: PLC0415 - as above
    from google.oauth2.service_account import Credentials  # noqa: PLC0415

    credentials = Credentials.from_service_account_file(credentials_file, scopes=[SCOPE])
    credentials.refresh(Request())
    return str(credentials.token)


def project_of(credentials_file: str) -> str:
    """Return the project id of a service account."""
    return str(json.loads(Path(credentials_file).read_text())["project_id"])
