"""One file a table or aggregate: SQL beside the one function that runs it. The connection comes first."""
