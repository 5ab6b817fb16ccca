"""One file a vendor; a vendor's error codes become our outcomes here."""
