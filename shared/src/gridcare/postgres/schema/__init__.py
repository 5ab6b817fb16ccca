"""What the owner of a database does to it, once per release: tables, and who may do what with their rows."""
