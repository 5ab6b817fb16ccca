"""Beginning, reading and expiring payments."""
