"""What a receipt or a look-up says of a delivery."""
