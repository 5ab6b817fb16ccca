"""Reading and completing notices."""
