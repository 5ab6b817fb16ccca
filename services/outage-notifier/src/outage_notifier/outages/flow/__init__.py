"""The use cases of planners."""
