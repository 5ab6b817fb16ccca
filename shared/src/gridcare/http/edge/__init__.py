"""What stands before the routes: the payer's address, bodies and their limits, and what every request gets."""
