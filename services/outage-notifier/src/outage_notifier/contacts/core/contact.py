"""The closed sets that describe customers and their devices."""

from typing import Final, Literal, get_args

Segment = Literal["ordinary", "life_support", "elderly", "business", "hospital"]
"""Who a customer is."""
SEGMENTS: Final[tuple[Segment, ...]] = get_args(Segment)

DeviceKind = Literal["fid", "token"]
"""What a registration is: a Firebase installation id, or the registration token of an older app."""
DEVICE_KINDS: Final[tuple[DeviceKind, ...]] = get_args(DeviceKind)

Platform = Literal["android", "ios"]
PLATFORMS: Final[tuple[Platform, ...]] = get_args(Platform)

REGISTRATION_PATTERN: Final = r"^[A-Za-z0-9:._-]{10,4096}$"
"""Firebase installation ids have 22 characters, registration tokens about 160; Firebase states no limit for either."""
