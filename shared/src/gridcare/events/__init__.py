"""The published events of Gridcare. Events and topics are declared here and nowhere else.

Importing this package registers every event class, so `decode` knows them all.
"""

from gridcare.events import notices, outages, payments, supply_points, tickets
from gridcare.events.envelope import Envelope, Event, Wire, data_as, decode, encode, event_types, type_name
from gridcare.events.topics import ALL_TOPICS, Topic

__all__ = [
    "ALL_TOPICS",
    "Envelope",
    "Event",
    "Topic",
    "Wire",
    "data_as",
    "decode",
    "encode",
    "event_types",
    "notices",
    "outages",
    "payments",
    "supply_points",
    "tickets",
    "type_name",
]
