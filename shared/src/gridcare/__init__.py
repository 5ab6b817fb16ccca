"""The published events of Gridcare and the plumbing that its services share."""
