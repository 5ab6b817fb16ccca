"""One push message of a notice in a language, made once and then only filled with a device and a delivery id.

Building and encoding a message costs more than sending one; so the library's classes check and encode it once, and the
bytes are cut where the device's registration and the delivery id belong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from firebase_admin import messaging

from gridcare.errors import GridcareError
from outage_notifier.contacts.core.contact import DeviceKind

PAYLOAD_BYTES_MAX: Final = 4096
"""Source: firebase.google.com/docs/cloud-messaging/customize-messages/set-message-type."""

TTL_MAX: Final = timedelta(weeks=4)
COLLAPSE_ID_BYTES_MAX: Final = 64
"""Apple's limit of apns-collapse-id."""

DELIVERY_ID: Final = "delivery_id"
_DELIVERY_ID_BYTES_MAX: Final = 64
_HOLE: Final = "\ue000the delivery id\ue000"  # of the private use area: no text of ours holds it
_HEADS: Final = {"fid": b'{"message":{"fid":', "token": b'{"message":{"token":'}


class MessageUnfit(GridcareError):
    """The template's text or data cannot be sent as a push: too long for the provider, or not encodable."""


@dataclass(frozen=True, slots=True)
class PushMessage:
    """A message still without its device and its delivery id."""

    middle: bytes
    suffix: bytes

    def body(self, *, kind: DeviceKind, registration: str, delivery_id: str) -> bytes:
        """Return the whole request of one device; `kind` says what its registration is."""
        encode = msgspec.json.encode
        return b"".join((_HEADS[kind], encode(registration), self.middle, encode(delivery_id), self.suffix))


def push_message(
    *,
    title: str,
    text: str,
    tag: str,
    data: Mapping[str, str],
    ttl: timedelta,
    expires_at: datetime,
    urgent: bool,
) -> PushMessage:
    """Make the message of one notice in one language.

    The message replaces what a screen shows under the same `tag`, on Android and on iOS. `data` holds strings for the app
    (`delivery_id` is added to each message). `ttl` is cut to FCM's four weeks; `urgent` wakes a sleeping device.
    Raises MessageUnfit when it is over a limit.
    """
    if len(tag.encode()) > COLLAPSE_ID_BYTES_MAX:
        raise MessageUnfit(f"the tag is longer than {COLLAPSE_ID_BYTES_MAX} bytes")
    message = messaging.Message(
        fid="to be filled in",
        data={**data, DELIVERY_ID: _HOLE},
        notification=messaging.Notification(title=title, body=text),
        android=messaging.AndroidConfig(
            ttl=min(max(ttl, timedelta(0)), TTL_MAX),
            priority="high" if urgent else "normal",
            notification=messaging.AndroidNotification(tag=tag),
        ),
        apns=messaging.APNSConfig(
            headers={
                "apns-collapse-id": tag,
                "apns-expiration": str(int(expires_at.timestamp())),
                "apns-priority": "10" if urgent else "5",
            },
            payload=messaging.APNSPayload(messaging.Aps(sound="default")),
        ),
    )
    try:
        encoded = msgspec.json.decode(str(message))  # str() is the library's own encoder, with its checks
    except ValueError as error:
        raise MessageUnfit("the library refuses the message") from error
    del encoded["fid"]
    encoded["android"]["priority"] = "HIGH" if urgent else "NORMAL"  # as the discovery document spells it
    return _cut(msgspec.json.encode(encoded))


def _cut(encoded: bytes) -> PushMessage:
    """Cut the encoded message at its hole. Its whole size is held to the limit; the provider counts less of it."""
    size_bytes = len(encoded) - len(_HOLE.encode()) + _DELIVERY_ID_BYTES_MAX
    if size_bytes > PAYLOAD_BYTES_MAX:
        raise MessageUnfit(f"the message takes {size_bytes} bytes, the limit is {PAYLOAD_BYTES_MAX}")
    parts = encoded.split(msgspec.json.encode(_HOLE))
    if len(parts) != 2:  # noqa: PLR2004 - one hole leaves two parts
        raise MessageUnfit("the message's data or text holds what stands for the delivery id")
    return PushMessage(middle=b"," + parts[0].removeprefix(b"{"), suffix=parts[1] + b"}")
