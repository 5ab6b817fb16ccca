"""One file per table: SQL beside the one function that runs it. The connection comes first."""
