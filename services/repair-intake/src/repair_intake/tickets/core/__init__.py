"""What a ticket is, and what becomes of a request for one."""
