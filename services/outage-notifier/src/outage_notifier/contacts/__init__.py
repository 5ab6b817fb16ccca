"""The phones and devices of customers, sealed, and what customers chose; nothing of it is ever on a topic."""
