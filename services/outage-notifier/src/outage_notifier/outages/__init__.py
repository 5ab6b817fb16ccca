"""Outages: planners write, preview, publish and change them; customers and other services hear of it."""
