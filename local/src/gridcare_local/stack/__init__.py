"""All of Gridcare as a stack of parts: what they are, how they start, and what state they are in."""
