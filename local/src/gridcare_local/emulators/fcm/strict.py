"""The strict check of a message: all names and types of FCM v1, durations and reserved keys.

Source: the FCM v1 discovery document (`projects.messages.send`) and the reference of its Message resource.
"""

import re
from typing import Any, Final

_DURATION: Final = re.compile(r"\d+(\.\d{1,9})?s")
TTL_S_MAX: Final = 2_419_200  # four weeks
COLLAPSE_ID_BYTES_MAX: Final = 64  # Apple's limit for apns-collapse-id
_RESERVED: Final = re.compile(r"(from|message_type|(google|gcm)\..*|google.*|gcm.*)")

Texts: Final = "texts"  # a map of string to string
Free: Final = "free"  # any object
Duration: Final = "duration"
_LABEL: Final = {"analyticsLabel": str}
_LIGHTS: Final = {"color": Free, "lightOnDuration": Duration, "lightOffDuration": Duration}
_STRINGS: Final = (
    "title body icon color sound tag clickAction bodyLocKey titleLocKey channelId ticker eventTime "
    "notificationPriority visibility image proxy"
)
_FLAGS: Final = "sticky localOnly defaultSound defaultVibrateTimings defaultLightSettings bypassProxyNotification"
_ANDROID_NOTIFICATION: Final[dict[str, Any]] = {
    **dict.fromkeys(_STRINGS.split(), str),
    **dict.fromkeys(_FLAGS.split(), bool),
    **dict.fromkeys(("bodyLocArgs", "titleLocArgs", "vibrateTimings"), list),
    "notificationCount": int,
    "lightSettings": _LIGHTS,
}
MESSAGE: Final[dict[str, Any]] = {
    **dict.fromkeys(("name", "token", "fid", "topic", "condition"), str),
    "data": Texts,
    "notification": {"title": str, "body": str, "image": str},
    "android": {
        **dict.fromkeys(("collapseKey", "priority", "restrictedPackageName"), str),
        **dict.fromkeys(("directBootOk", "bandwidthConstrainedOk", "restrictedSatelliteOk"), bool),
        "ttl": Duration,
        "data": Texts,
        "notification": _ANDROID_NOTIFICATION,
        "fcmOptions": _LABEL,
    },
    "androidV2": Free,
    "webpush": {"headers": Texts, "data": Texts, "notification": Free, "fcmOptions": {**_LABEL, "link": str}},
    "apns": {
        "headers": Texts,
        "payload": Free,
        "fcmOptions": {**_LABEL, "image": str},
        "liveActivityToken": str,
    },
    "fcmOptions": _LABEL,
}
REQUEST: Final[dict[str, Any]] = {"message": MESSAGE, "validateOnly": bool}
_KINDS: Final[dict[Any, tuple[type, ...]]] = {str: (str,), bool: (bool,), int: (int,), list: (list,)}


def violation(request: dict[str, Any]) -> tuple[str, str] | None:
    """Return (field, description) of the first fault for which FCM would refuse the request, or None."""
    wrong = _check(request, REQUEST, "")
    if wrong is not None:
        return wrong
    message = request["message"]
    for key in message.get("data") or {}:
        if _RESERVED.fullmatch(key):
            return "message.data", f"Invalid data payload key: {key}"
    collapse_id = ((message.get("apns") or {}).get("headers") or {}).get("apns-collapse-id", "")
    if len(collapse_id.encode()) > COLLAPSE_ID_BYTES_MAX:
        return "message.apns.headers", "Invalid apns-collapse-id: longer than 64 bytes"
    ttl = (message.get("android") or {}).get("ttl")
    if ttl is not None and float(ttl[:-1]) > TTL_S_MAX:
        return "message.android.ttl", "Invalid TTL: longer than four weeks"
    return None


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _check(value: Any, shape: Any, path: str) -> tuple[str, str] | None:
    if isinstance(shape, dict):
        return _check_object(value, shape, path)
    if shape == Texts:
        valid = isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    elif shape == Free:
        valid = isinstance(value, dict)
    elif shape == Duration:
        valid = isinstance(value, str) and _DURATION.fullmatch(value) is not None
    else:
        valid = isinstance(value, _KINDS[shape]) and not (shape is int and isinstance(value, bool))
    return None if valid else (path, f"Invalid value at '{path}'")


def _check_object(value: Any, shape: dict[str, Any], path: str) -> tuple[str, str] | None:
    if not isinstance(value, dict):
        return path, f"Invalid value at '{path}'"
    for name, inner in value.items():
        known = shape.get(_camel(name))
        inside = f"{path}.{name}".lstrip(".")
        if known is None:
            return inside, f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."
        wrong = None if inner is None else _check(inner, known, inside)  # in proto3 JSON, null means absent
        if wrong is not None:
            return wrong
    return None
