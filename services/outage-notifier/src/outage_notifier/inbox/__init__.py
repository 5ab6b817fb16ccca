"""What customers were told, as the app lists it."""
