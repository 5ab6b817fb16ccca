"""The audience of a notice, read page by page: SQL beside the one function that runs it."""
