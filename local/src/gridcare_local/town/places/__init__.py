"""Where they live: the real wards of Can Tho, the teams that work them, and a grid laid over them."""
