"""Taking a callback, and doing what it makes true."""
