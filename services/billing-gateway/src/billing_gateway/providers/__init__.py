"""Payment providers: one folder a vendor, whose codes become our words here."""
