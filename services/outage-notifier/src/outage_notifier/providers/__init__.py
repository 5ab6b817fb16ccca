"""The providers, a folder each; a provider's codes become our outcomes here."""
