"""Following outages, and forgetting those long past."""
