"""HTTP: the app of every service, with its problem documents, callers and pages, and the server that runs it."""
