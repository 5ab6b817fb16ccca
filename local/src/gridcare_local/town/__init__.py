"""Demo data: a made-up customer base of any size over the real wards of Can Tho, the same bytes on every machine."""

from gridcare_local.town.records import Contact, Device, SupplyPoint
from gridcare_local.town.world import DemoWorld
from gridcare_local.town.write import Manifest, write_demo_data

__all__ = ["Contact", "DemoWorld", "Device", "Manifest", "SupplyPoint", "write_demo_data"]
