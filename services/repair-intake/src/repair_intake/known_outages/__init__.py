"""Outages as outage-notifier publishes them: what explains a ticket."""
