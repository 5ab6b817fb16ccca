"""The real wards of Can Tho, the teams that work in them, and a made-up grid over them."""
