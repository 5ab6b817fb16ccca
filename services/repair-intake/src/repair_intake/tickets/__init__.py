"""Tickets: customers' requests for work, and the outages that explain some of them."""
