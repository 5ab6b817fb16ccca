"""The vendors, a folder each; a vendor's codes become our outcomes here."""
