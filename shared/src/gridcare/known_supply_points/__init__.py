"""Supply points according to the utility's system, projected the same way by every service that keeps them."""
