"""The `gridcare` command."""
