"""HTTP: the app of every service, its problems, its callers, its pages, and the server that runs it."""
