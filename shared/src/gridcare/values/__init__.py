"""Values that every service speaks of: times, phones, money, ids, customer codes."""
