"""Outages: planners write, preview, publish and change them, and customers and other services hear of each change."""
