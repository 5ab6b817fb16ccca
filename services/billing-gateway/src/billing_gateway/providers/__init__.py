"""Payment providers; a vendor's codes become our outcomes here."""
