"""The whole of Gridcare as parts: what they are, how they start, and how they stand."""
