"""Payment providers: a folder each, whose codes become our words here."""
