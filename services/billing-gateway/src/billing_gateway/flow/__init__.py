"""One use case a file, named by its verb: load, decide, save, append. Nothing else opens a transaction."""
