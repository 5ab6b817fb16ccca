"""Supply points as the utility's system says them."""
