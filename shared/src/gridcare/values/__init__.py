"""Values that every service uses: times, phone numbers, money, ids, customer codes."""
