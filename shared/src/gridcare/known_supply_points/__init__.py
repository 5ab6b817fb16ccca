"""Supply points as the utility's system says them, projected the same way by every service."""
