"""Outages as outage-notifier publishes them: they explain tickets."""
