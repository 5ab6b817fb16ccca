"""Twilio: SMS, their status callbacks, and what it lists."""
