"""What providers tell us of payments: verified, stored, answered, and worked on from the stored row."""
