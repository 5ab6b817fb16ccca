"""The local power-management teams and the wards that they work."""
